"""How a step ended, written down: run history in the warehouse, then the runs, their events and
what follows for the job.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from django.db import transaction
from django.utils.timezone import now

from backfill.crash_points import crash_point
from backfill.errors import WarehouseError
from backfill.execution import live_checks, queue
from backfill.execution.claims import Attempt
from backfill.execution.dispatch import SYSTEM
from backfill.execution.execute import DateResult
from backfill.models import Batch, EventCause, Job, Notice, Run, Trigger, record_transitions
from backfill.notify import pubsub
from backfill.plan.planning import Key
from backfill.processors.registry import PROCESSORS
from backfill.status.failures import failures_with
from backfill.warehouse import warehouse
from backfill.warehouse.port import Row
from backfill.warehouse.tables import HISTORY
from validation.categories import BY_NAME

PHASE = "phase_4_precompute"
HISTORY_STATUS = {Run.Status.COMPLETE: "success", Run.Status.SKIPPED: "skipped"}
RESULT_FIELDS = [
    "status", "reason", "skip_reason", "refused_by", "error", "error_detail", "population",
    "rows", "failures", "checks", "query_seconds", "write_seconds", "finished_at",
    "claim", "input_signature",
]  # fmt: skip
# Errors of a date that say nothing against the code.
FORESEEN = ("", "CorruptPartition", "WarehouseBusy")
NOTHING: Mapping[str, int] = MappingProxyType({})


def apply(run: Run, outcome: DateResult, warning: str = "") -> None:
    """Write an outcome into its run; a warning stays beside a success."""
    run.status = Run.Status.FAILED if outcome.error else Run.Status.COMPLETE
    run.reason, run.error = outcome.error or warning, outcome.error_class
    run.refused_by, run.error_detail = outcome.refused_by, dict(outcome.error_detail)
    run.query_seconds, run.write_seconds = outcome.query_seconds, outcome.write_seconds
    if not outcome.untouched:
        run.population, run.rows, run.failures = (
            outcome.population,
            outcome.rows,
            dict(outcome.failures),
        )


def record(attempt: Attempt) -> list[Run]:
    """Write down how the attempt's runs ended: history first, so that what is done here is done
    there.

    Raises Superseded when its claim no longer stands.
    """
    attempt.check_held()
    finished_at = now()
    for run in attempt.runs:
        run.finished_at, run.claim = finished_at, ""
    _write_history(attempt, attempt.runs, finished_at)
    crash_point("after-history")
    triggers = _conclude_checks(attempt)
    with transaction.atomic():
        job = Job.locked(attempt.job.pk)
        attempt.check_held()
        # An upsert of rows that exist: one statement whatever their number, where bulk_update
        # builds a CASE per field.
        Run.objects.bulk_create(
            attempt.runs, update_conflicts=True, unique_fields=["id"], update_fields=RESULT_FIELDS
        )
        for status in {r.status for r in attempt.runs}:
            ended = [r for r in attempt.runs if r.status == status]
            record_transitions(ended, Run.Status.RUNNING, status, actor=attempt.actor)
        Batch.objects.filter(pk=attempt.batch.pk).update(touched_at=finished_at, retries=0)
        pubsub.keep(job, triggers)
        _brake(job, attempt)
    crash_point("after-record")
    return attempt.runs


def _conclude_checks(attempt: Attempt) -> list[Trigger]:
    """Note in every run how its checks ended; return what Phase 5 is to be told.

    A date whose history cannot be read again has failed, and its neighbours have not.
    """
    if attempt.job.parsed_options.backfill_mode:
        for run in attempt.runs:
            run.checks = live_checks.left_out()
        return []
    triggers = []
    for run in attempt.runs:
        try:
            trigger, check = pubsub.prepare(attempt.job, run)
        except WarehouseError as error:
            _fail_date(run, error)
            trigger, check = None, live_checks.TRIGGER.ended("skipped", run.reason)
        run.checks = live_checks.concluded(run, check)
        triggers += [trigger] if trigger else []
    return triggers


def bug_of(run: Run, known: Mapping[str, int] = NOTHING) -> str:
    """What of a run is a bug and no matter of data; empty when nothing is.

    What was `known` of its (processor, date) counts only where there is more of it now.
    """
    if run.status == Run.Status.FAILED and run.error not in (*FORESEEN, *known):
        return run.reason
    found = {
        name: n
        for name, n in run.failures.items()
        if name in BY_NAME and BY_NAME[name].is_bug and n > known.get(name, 0)
    }
    bugs = [f"{n:,} {name}" for name, n in found.items()]
    return f"{', '.join(bugs)} of {run.population:,} entities" if bugs else ""


def _brake(job: Job, attempt: Attempt) -> None:
    """Pause the job at the first bug: by its brake, or in its canary whatever the brake says."""
    is_canary = job.parsed_options.canary and attempt.batch.number == 0
    if not (job.brake or is_canary) or not any(map(bug_of, attempt.runs)):
        return
    known = _known(job, attempt.runs) if job.retry_of_id else {}
    if not (
        found := [
            (run, bug)
            for run in attempt.runs
            if (bug := bug_of(run, known.get((run.processor, run.date), NOTHING)))
        ]
    ):
        return
    run, bug = found[0]
    more = f" (and {len(found) - 1} more dates)" if len(found) > 1 else ""
    cause = EventCause.CANARY if is_canary else EventCause.PAUSE_ON_ERROR
    reason = f"{'canary' if is_canary else 'brake'}: {run.processor} {run.date}: {bug}{more}"
    paused = job.transition(
        Job.ACTIVE, Job.Status.PAUSING, actor=SYSTEM, reason=reason, cause=cause, cause_run=run
    )
    if paused and Notice.note(job, Notice.Kind.PAUSED) and not job.owner:
        transaction.on_commit(queue.enqueue_notify)


def _known(job: Job, runs: Sequence[Run]) -> dict[Key, dict[str, int]]:
    """What was wrong with these (processor, date) before this job: a retry is not stopped by what
    it was started for.
    """
    days = [run.date for run in runs]
    before = Run.objects.exclude(job=job).deciding(min(days), max(days))
    return {key: failures_with(run) for key, run in before.items()}


def _write_history(attempt: Attempt, runs: Sequence[Run], finished_at: datetime) -> None:
    """Log the runs; one whose slice of the history cannot be written has failed, and its neighbours
    have not.
    """
    try:
        warehouse().record(HISTORY, [_history_row(attempt.job, run, finished_at) for run in runs])
    except WarehouseError as error:
        if len(runs) == 1:
            _fail_date(runs[0], error)
            return
        if not error.concerns_dates:
            raise
        for run in runs:
            _write_history(attempt, [run], finished_at)


def _fail_date(run: Run, error: WarehouseError) -> None:
    """Let the run have failed; raises the error again where it says nothing about the date."""
    if not error.concerns_dates:
        raise error
    run.status, run.error, run.error_detail = (
        Run.Status.FAILED,
        type(error).__name__,
        dict(error.detail),
    )
    run.reason = f"{run.error}: {error}"


def _history_row(job: Job, run: Run, finished_at: datetime) -> Row:
    processor = PROCESSORS[run.processor]
    row: dict[str, Any] = {
        "processor_name": processor.name,
        "run_id": run.run_id,
        "job_id": None if job.triggered_by == "manual" else str(job.pk),
        "phase": PHASE,
        "data_date": run.date,
        "status": HISTORY_STATUS.get(Run.Status(run.status), "failed"),
        "records_created": run.rows or 0,
        "records_failed": sum(run.failures.values()),
        "duration_seconds": (run.query_seconds or 0) + (run.write_seconds or 0),
        "started_at": run.started_at,
        "processed_at": finished_at,
        "backfill_mode": job.parsed_options.backfill_mode,
        "triggered_by": job.triggered_by,
        "output_dataset": processor.output.dataset,
        "output_table": processor.output.name,
        "error": run.reason or None,
    }
    return row
