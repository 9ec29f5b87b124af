"""Recording of finished steps: run history in the warehouse, then runs, events and the job."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from django.db import transaction
from django.utils.timezone import now

from backfill.crash_points import crash_point
from backfill.errors import WarehouseError
from backfill.execution import history, live_checks, queue
from backfill.execution.claims import Attempt
from backfill.execution.execute import DateResult
from backfill.models import (
    SYSTEM,
    Batch,
    EventCause,
    Job,
    Key,
    Notice,
    Run,
    Trigger,
    record_transitions,
)
from backfill.notify import pubsub
from backfill.plan.input_signatures import OVERWRITTEN
from backfill.status.failures import NONE_KNOWN, bug_of, failures_with
from backfill.telemetry.log_lines import timed
from backfill.versions.history import makers

UNKNOWN_SQL = "unknown"
RESULT_FIELDS = [
    "status", "reason", "skip_reason", "refused_by", "error", "error_detail", "population",
    "rows", "failures", "checks", "query_seconds", "write_seconds", "finished_at",
    "claim", "input_signature", "sql_hash", "code_version", "warehouse_jobs", "replaced", "changes", "unchanged_since",
]  # fmt: skip


def apply(run: Run, outcome: DateResult, warning: str = "") -> None:
    """Copy an outcome into its run; the warning becomes the reason of a complete run."""
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
        if old := outcome.replaced:
            run.replaced, run.changes = old.token, dict(old.changes)


def record(attempt: Attempt) -> list[Run]:
    """Record the outcomes of an attempt: run history first, so that it includes every ended run.

    Raises Superseded after the claim is lost.
    """
    attempt.check_held()
    finished_at = now()
    for run in attempt.runs:
        run.finished_at, run.claim = finished_at, ""
        if run.status != Run.Status.FAILED:
            run.warehouse_jobs = {}  # all of them have ended
    _note_unchanged(attempt)
    if attempt.job.restores:
        _note_makers(attempt)
    with timed("run history"):
        _write_history(attempt, attempt.runs)
    crash_point("after-history")
    triggers = _conclude_checks(attempt)
    with timed("record"), transaction.atomic():
        job = Job.locked(attempt.job.pk)
        attempt.check_held()
        # An upsert of existing rows is one statement; bulk_update would build a CASE per field.
        Run.objects.bulk_create(
            attempt.runs, update_conflicts=True, unique_fields=["id"], update_fields=RESULT_FIELDS
        )
        for status in {r.status for r in attempt.runs}:
            ended = [r for r in attempt.runs if r.status == status]
            record_transitions(ended, Run.Status.RUNNING, status, actor=attempt.actor)
        Batch.objects.filter(pk=attempt.batch.pk).update(touched_at=finished_at, retries=0)
        pubsub.keep(job, triggers)
        _pause_on_error(job, attempt)
    crash_point("after-record")
    return attempt.runs


def _note_unchanged(attempt: Attempt) -> None:
    """Store since when the rows of the runs that changed nothing are as they are, so that their
    downstream runs stay current.
    """
    same = {run.date: run for run in attempt.runs if run.has_changed_nothing}
    if not same:
        return
    tokens = [run.replaced for run in same.values() if run.replaced is not None]
    before = Run.objects.filter(
        processor=attempt.code, date__in=same, fence__in=tokens, status=Run.Status.COMPLETE
    ).exclude(input_signature__contains=OVERWRITTEN)
    for old in before:
        if (run := same[old.date]).replaced == old.fence and old.pk != run.pk:
            run.unchanged_since = old.rows_since


def _note_makers(attempt: Attempt) -> None:
    """Copy inputs and SQL of the runs that made the restored versions; a version without a run is
    stale.
    """
    complete = [run for run in attempt.runs if run.status == Run.Status.COMPLETE]
    tokens = {run.pk: attempt.job.restored(run.processor, run.date) for run in complete}
    made = makers([(run.processor, run.date, tokens[run.pk]) for run in complete])
    for run in complete:
        maker = made.get((run.processor, run.date, tokens[run.pk]))
        run.sql_hash = maker.sql_hash if maker else UNKNOWN_SQL
        run.code_version = maker.code_version if maker else ""
        run.input_signature = maker.input_signature if maker else ""


def _conclude_checks(attempt: Attempt) -> list[Trigger]:
    """Store the check results in every run, and return the Phase 5 triggers.

    A date whose history cannot be read back fails; other dates do not.
    """
    if attempt.job.parsed_options.backfill_mode:
        for run in attempt.runs:
            run.checks = live_checks.left_out()
        return []
    triggers = []
    write_again = partial(history.write, attempt.job, attempt.runs)
    for run in attempt.runs:
        try:
            trigger, check = history.repaired(
                attempt.job, partial(pubsub.prepare, attempt.job, run), write_again
            )
        except WarehouseError as error:
            _fail_date(run, error)
            trigger, check = None, live_checks.TRIGGER.ended("skipped", run.reason)
        run.checks = live_checks.concluded(run, check)
        triggers += [trigger] if trigger else []
    return triggers


def _pause_on_error(job: Job, attempt: Attempt) -> None:
    """Pause the job at the first bug, by its pause on error or in its canary."""
    is_canary = job.parsed_options.canary and attempt.batch.number == 0
    if not (job.brake or is_canary) or not any(map(bug_of, attempt.runs)):
        return
    known = _earlier_failures(job, attempt.runs) if job.retry_of_id else {}
    if not (
        bugs := [
            (run, bug)
            for run in attempt.runs
            if (bug := bug_of(run, known.get((run.processor, run.date), NONE_KNOWN)))
        ]
    ):
        return
    run, bug = bugs[0]
    more = f" (and {len(bugs) - 1} more run{'s' * (len(bugs) > 2)})" if len(bugs) > 1 else ""
    cause = EventCause.CANARY if is_canary else EventCause.PAUSE_ON_ERROR
    source = "canary" if is_canary else "pause on error"
    reason = f"{source}: {run.processor} {run.date}: {bug}{more}"
    paused = job.transition(
        Job.ACTIVE, Job.Status.PAUSING, actor=SYSTEM, reason=reason, cause=cause, cause_run=run
    )
    if paused and Notice.note(job, Notice.Kind.PAUSED) and not job.owner:
        transaction.on_commit(queue.enqueue_notify)


def _earlier_failures(job: Job, runs: Sequence[Run]) -> dict[Key, dict[str, int]]:
    """Return the failures of these keys before this job, which do not pause a retry."""
    days = [run.date for run in runs]
    before = Run.objects.exclude(job=job).deciding(min(days), max(days))
    return {key: failures_with(run) for key, run in before.items()}


def _write_history(attempt: Attempt, runs: Sequence[Run]) -> None:
    """Write the run history; a date whose partition cannot be written fails, others do not."""
    try:
        history.write(attempt.job, runs)
    except WarehouseError as error:
        if len(runs) == 1:
            _fail_date(runs[0], error)
            return
        if not error.concerns_dates:
            raise
        for run in runs:
            _write_history(attempt, [run])


def _fail_date(run: Run, error: WarehouseError) -> None:
    """Fail the run; raise the error again if it does not concern a date."""
    if not error.concerns_dates:
        raise error
    run.status, run.error, run.error_detail = (
        Run.Status.FAILED,
        type(error).__name__,
        dict(error.detail),
    )
    run.reason = f"{run.error}: {error}"
