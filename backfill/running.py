"""A job's batch, processor by processor: claim, execute, write history, record. Trusts no state that it remembers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils.timezone import now

from backfill import execution, normal
from backfill.crashpoints import passing
from backfill.errors import WarehouseError
from backfill.execution import Batch, Outcome
from backfill.models import Job, Run, record_all
from backfill.normal import LiveRun
from backfill.processors import PROCESSORS, Processor
from backfill.warehouse import warehouse
from backfill.warehouse.base import Row
from backfill.warehouse.tables import HISTORY
from validation.season import Calendar, DateType, season_year

PHASE = "phase_4_precompute"
HISTORY_STATUS = {Run.Status.COMPLETE: "success", Run.Status.SKIPPED: "skipped"}
RESULT_FIELDS = [
    "status", "why", "population", "rows", "failures", "query_seconds", "write_seconds", "finished_at"
]  # fmt: skip


def run_processor(job: Job, code: str, batch: int, calendar: Calendar, who: str) -> list[Run]:
    """Run what is pending of one processor in one batch; return the runs that ended."""
    started_at = now()
    runs = _claim(job, code, batch, started_at, who)
    if not runs:
        return []
    passing("after-claim")
    blocked = _blocked(job, code, [r.date for r in runs])
    for run in runs:
        _judge(job, run, calendar, blocked)
    warnings = {} if job.parsed_options.backfill_mode else _check_live(runs, calendar)
    executed = [r for r in runs if r.status == Run.Status.RUNNING]
    skipped = [r for r in runs if r.status == Run.Status.SKIPPED]
    work = _batch(job, code, executed + skipped, calendar, started_at)
    if skipped:
        execution.empty(warehouse(), work.of([r.date for r in skipped]))
    if executed:
        for run, outcome in zip(executed, execution.execute(warehouse(), work.of([r.date for r in executed])), strict=True):
            _apply(run, outcome, warnings.get(run.date, ""))
    return _record(job, PROCESSORS[code], runs, who)


def _claim(job: Job, code: str, batch: int, started_at: datetime, who: str) -> list[Run]:
    """Take the pending runs of a batch; those that somebody else took are not among them."""
    pending = Run.objects.filter(job=job, processor=code, batch=batch, status=Run.Status.PENDING)
    with transaction.atomic():
        runs = list(pending.select_for_update().order_by("date"))
        pending.filter(pk__in=[r.pk for r in runs]).update(status=Run.Status.RUNNING, started_at=started_at)
        for run in runs:
            run.started_at, run.status = started_at, Run.Status.RUNNING
        record_all(runs, "pending → running", who)
    return runs


def _blocked(job: Job, code: str, dates: Sequence[date]) -> dict[date, Run]:
    """Dates on which an upstream processor of this job left no output to build on.

    An empty population does not block: every processor finds and says it for itself.
    """
    upstream = Run.objects.filter(job=job, processor__in=PROCESSORS[code].after, date__in=dates)
    broken = upstream.filter(status__in=(Run.Status.FAILED, Run.Status.BLOCKED)).exclude(population=0)
    return {run.date: run for run in broken.order_by("-pk")}


def _judge(job: Job, run: Run, calendar: Calendar, blocked: dict[date, Run]) -> None:
    """Settle the runs that are not executed: bootstrap dates, and dates whose upstream failed."""
    day = calendar.day(run.date, live=not job.parsed_options.backfill_mode)
    if day.type is DateType.BOOTSTRAP:
        run.status, run.why = Run.Status.SKIPPED, day.why_skipped
    elif cause := blocked.get(run.date):
        run.status, run.why = Run.Status.BLOCKED, f"blocked: {cause.processor} {cause.status} for this date: {cause.why}"


def _check_live(runs: Sequence[Run], calendar: Calendar) -> dict[date, str]:
    """Refuse the runs that normal mode's checks do not let start; return the warnings about the others."""
    warnings = {}
    for run in (r for r in runs if r.status == Run.Status.RUNNING):
        start = calendar.starts[season_year(run.date)]
        live = LiveRun(PROCESSORS[run.processor], run.date, start, calendar.previous(run.date), run.started_at or now())
        verdict = normal.check(warehouse(), live)
        if verdict.refusal:
            run.status, run.why = Run.Status.FAILED, verdict.refusal
            normal.refuse(warehouse(), live, run.run_id, verdict.refusal)
        elif verdict.warning:
            warnings[run.date] = verdict.warning
    return warnings


def _batch(job: Job, code: str, runs: Sequence[Run], calendar: Calendar, started_at: datetime) -> Batch:
    options = job.parsed_options
    ids = {r.date: r.run_id for r in runs}
    start = calendar.starts[season_year(runs[0].date)] if runs else started_at.date()
    return Batch(PROCESSORS[code], tuple(ids), start, started_at, ids, options.backfill_mode)


def _apply(run: Run, outcome: Outcome, warning: str) -> None:
    """Write an outcome into its run; a warning stays beside a success."""
    run.status = Run.Status.FAILED if outcome.error else Run.Status.COMPLETE
    run.why = outcome.error or warning
    run.query_seconds, run.write_seconds = outcome.query_seconds, outcome.write_seconds
    if not outcome.untouched:
        run.population, run.rows, run.failures = outcome.population, outcome.rows, dict(outcome.failures)


def _record(job: Job, processor: Processor, runs: list[Run], who: str) -> list[Run]:
    """History in the warehouse first, then the runs: one that is done here is done there."""
    finished_at = now()
    for run in runs:
        run.finished_at = finished_at
    _write_history(job, processor, runs, finished_at)
    passing("after-history")
    with transaction.atomic():
        claims = {r.pk: r.run_id for r in runs}
        held = Run.objects.select_for_update().filter(pk__in=claims, status=Run.Status.RUNNING)
        mine = {pk for pk, run_id in held.values_list("pk", "run_id") if claims[pk] == run_id}
        kept = [r for r in runs if r.pk in mine]
        # An upsert of rows that exist: one statement whatever their number, where bulk_update builds a CASE per field.
        Run.objects.bulk_create(kept, update_conflicts=True, unique_fields=["id"], update_fields=RESULT_FIELDS)
        for status in {r.status for r in kept}:
            record_all([r for r in kept if r.status == status], f"running → {status}", who)
    passing("after-record")
    return kept


def _write_history(job: Job, processor: Processor, runs: Sequence[Run], finished_at: datetime) -> None:
    """Log the runs; one whose slice of the history cannot be written has failed, and its neighbours have not."""
    try:
        warehouse().record(HISTORY, [_history_row(job, processor, run, finished_at) for run in runs])
    except WarehouseError as error:
        if not error.concerns_dates:
            raise
        if len(runs) == 1:
            runs[0].status, runs[0].why = Run.Status.FAILED, f"{type(error).__name__}: {error}"
            return
        for run in runs:
            _write_history(job, processor, [run], finished_at)


def _history_row(job: Job, processor: Processor, run: Run, finished_at: datetime) -> Row:
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
        "error": run.why or None,
    }
    return row
