"""Removal of stored rows on dates that are not processing dates, as a job of its own.

Its runs hold the dates and carry fencing tokens like those of a backfill, and end as skipped with
empty partitions.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import uuid4

from backfill.errors import Refused
from backfill.execution import dispatch, execute, heartbeat
from backfill.execution.claims import Attempt, claim_step
from backfill.execution.inline import paused_on_interrupt
from backfill.execution.record import record
from backfill.jobs.start import create
from backfill.models import Batch, Job, Key, Run
from backfill.plan import unplanned
from backfill.plan.options import Options
from backfill.plan.planning import PlannedAction, PlannedRun, in_batches
from backfill.process_id import this_process
from backfill.season_calendar import check_loaded, load_calendar
from backfill.warehouse import warehouse, writable_warehouse
from validation.season import Calendar

REMOVED = "rows removed: no games"


def removable(options: Options) -> dict[Key, int]:
    """Return the (processor, date) with rows to remove, and the number of rows.

    Raises Refused for a processing date, for a season that is not loaded, and without rows.
    """
    check_loaded(options)
    calendar = load_calendar()
    days = [calendar.day(day, live=True) for day in options.days]
    if planned := [day.day for day in days if day.is_processing]:
        more = f" (and {len(planned) - 1} more)" if len(planned) > 1 else ""
        raise Refused(
            f"{planned[0]}{more} is a processing date; remove rows only on dates without games, "
            "and replace those of a processing date by a backfill with --force"
        )
    if not (found := unplanned.rows_on(options.days, options.processors)):
        raise Refused(f"no rows of {', '.join(options.processors)} on {options.span}")
    return found


def remove(options: Options, rows: Mapping[Key, int], actor: str) -> Job:
    """Empty the partitions of these (processor, date) in this process; return the ended job.

    Raises Conflict when another job holds one of the dates, WarehouseError when a write fails; then
    the same command removes the rest.
    """
    writable_warehouse()
    calendar = load_calendar()
    days = [calendar.day(day) for day in sorted({day for _, day in rows})]
    runs = [
        PlannedRun(processor=code, date=day, action=PlannedAction.SKIP, reason=REMOVED)
        for code, day in rows
    ]
    planned = in_batches(options, days, runs)
    job = create(planned, actor, triggered_by="manual", owner=this_process())
    with paused_on_interrupt(job, actor):
        while batch := dispatch.take_batch(job):
            for code in options.processors:
                _remove(batch, code, calendar, actor)
    job.refresh_from_db()
    return job


def _remove(batch: Batch, code: str, calendar: Calendar, actor: str) -> None:
    claim = uuid4().hex
    with heartbeat.holding(claim):
        if attempt := claim_step(batch, code, claim, actor):
            _empty(attempt, calendar)
    dispatch.finish_step(batch, batch.lease)


def _empty(attempt: Attempt, calendar: Calendar) -> None:
    attempt.retire_earlier()
    for run in attempt.runs:
        run.status, run.reason = Run.Status.SKIPPED, REMOVED
    with warehouse().working(attempt.work()):
        attempt.check_held()
        execute.empty(warehouse(), attempt.step(attempt.runs, calendar))
        record(attempt)
