"""Run history in the warehouse: written after each step, rebuilt where a file is damaged or missing.

The database has the same runs, so a damaged file never stops a run.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any, TypeVar

from backfill.errors import CorruptPartition
from backfill.models import SYSTEM, Event, EventKind, Job, Key, Run, RunQuerySet
from backfill.plan import rerun_policy
from backfill.plan.options import Options
from backfill.processors.registry import BY_NAME, PROCESSORS
from backfill.statements import render
from backfill.warehouse import warehouse
from backfill.warehouse.port import Row
from backfill.warehouse.tables import HISTORY
from validation.findings.kinds import pluralize

T = TypeVar("T")
PHASE = "phase_4_precompute"
HISTORY_STATUS = {Run.Status.COMPLETE: "success", Run.Status.SKIPPED: "skipped"}
ENDED = (Run.Status.COMPLETE, Run.Status.SKIPPED, Run.Status.FAILED, Run.Status.BLOCKED)


def write(job: Job, runs: Sequence[Run]) -> None:
    """Add the rows of these finished runs. Raises WarehouseError."""
    rows = [_row(job, run) for run in runs]
    repaired(job, lambda: _record(rows))


def _record(rows: Sequence[Row]) -> None:
    warehouse().record(HISTORY, rows)


def repair(options: Options) -> None:
    """Rebuild the damaged and the missing files of complete output. Raises WarehouseError."""
    days = options.days
    names = {code: PROCESSORS[code].name for code in options.processors}
    damaged = {day for name in names.values() for day in warehouse().damaged(HISTORY, name, days)}
    for day in sorted(damaged):
        sql, params = render("runs-of-date"), {"day": day, "dates": [day]}
        repaired(None, partial(warehouse().query, sql, params))
    there = {code: warehouse().partitions(HISTORY, name, days) for code, name in names.items()}
    done = rerun_policy.written_keys(options, Run.objects.done(options.start, options.end))
    if missing := {(code, day) for code, day in done if day not in there[code]}:
        _restore(missing)


def _restore(missing: Collection[Key]) -> None:
    days = {day for _, day in missing}
    ended = _ended().filter(date__range=(min(days), max(days)))
    rows = [_row(run.job, run) for run in ended if (run.processor, run.date) in missing]
    if rows:
        _record(rows)
        _note(None, f"{pluralize(len(missing), 'file')} missing; ", len(rows))


def repaired(
    job: Job | None, do: Callable[[], T], after_rebuild: Callable[[], object] = lambda: None
) -> T:
    """Call `do`, again after each history file that it could not read has been rebuilt.

    `after_rebuild` adds rows that are not in the database yet.
    """
    while True:
        try:
            return do()
        except CorruptPartition as error:
            if error.detail.get("table") != str(HISTORY):
                raise
            _rebuild(job, error)
            after_rebuild()


def _rebuild(job: Job | None, error: CorruptPartition) -> None:
    """Set a damaged file aside, write its rows from the database, and record both as an event."""
    kept, rows = warehouse().set_aside(error), _rows(error.detail)
    if rows:
        _record(rows)
    damage = f"{error.detail['file']} was not a whole Parquet file and is kept as {kept}; "
    _note(job, damage, len(rows))


def _note(job: Job | None, damage: str, rows: int) -> None:
    Event.objects.create(
        job=job,
        kind=EventKind.SET_ASIDE,
        actor=SYSTEM,
        action="run history rebuilt",
        reason=f"{damage}{pluralize(rows, 'row')} written from the database",
    )


def _rows(file: Mapping[str, str]) -> list[Row]:
    processor = BY_NAME.get(file.get("processor_name", ""))
    if not processor:
        return []
    ended = _ended().filter(processor=processor.code, date=date.fromisoformat(file["date"]))
    return [_row(run.job, run) for run in ended]


def _ended() -> RunQuerySet:
    ended = Run.objects.own().filter(status__in=ENDED, finished_at__isnull=False)
    return ended.select_related("job")


def _row(job: Job, run: Run) -> Row:
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
        "processed_at": run.finished_at,
        "backfill_mode": job.parsed_options.backfill_mode,
        "triggered_by": job.triggered_by,
        "output_dataset": processor.output.dataset,
        "output_table": processor.output.name,
        "error": run.reason or None,
    }
    return row
