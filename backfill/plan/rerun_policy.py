"""What exists of the dates of a backfill, as its policy needs it: what is done, what of that is
outdated, what failed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date

from backfill.models import Run
from backfill.plan.options import Options
from backfill.plan.planning import Key, Plan, plan
from backfill.season_calendar import done_keys, stale_keys
from backfill.status.failures import lost
from validation.categories import BUGS
from validation.season import Calendar, Day

REASONS = {
    Run.Status.FAILED: "its newest run failed",
    Run.Status.BLOCKED: "its newest run was blocked",
}
CANCELLED = "its run was cancelled"
LOST = "complete, but what it wrote is lost"


@dataclass(frozen=True)
class RerunState:
    """The (processor, date) that are done; those of them outdated and those not done that failed,
    each with the reason.
    """

    done: Collection[Key]
    outdated: dict[Key, str] = field(default_factory=dict)
    failed: dict[Key, str] = field(default_factory=dict)


def rerun_state(options: Options) -> RerunState:
    """What exists, as far as these options ask for it: a fixed number of queries."""
    done = done_keys(options)
    outdated = stale_keys(options) if options.outdated else {}
    broken = failed(options) if options.failed else {}
    return RerunState(done - broken.keys(), outdated, broken)


def failed(options: Options) -> dict[Key, str]:
    """What of the range failed, was blocked or cancelled and not made since, or is complete and
    lost; each with the reason.
    """
    newest = Run.objects.deciding(options.start, options.end)
    broken = dict.fromkeys(lost(newest), LOST)
    broken |= {key: _reason(run) for key, run in newest.items() if run.status in REASONS}
    cancelled = Run.objects.filter(
        date__range=(options.start, options.end), status=Run.Status.CANCELLED
    )
    for code, day, job in cancelled.order_by("pk").values_list("processor", "date", "job_id"):
        if (code, day) not in newest:
            broken[code, day] = f"{CANCELLED} (job {job})"
    return broken


def _reason(run: Run) -> str:
    return f"{REASONS[Run.Status(run.status)]} (job {run.job_id})"


def days_of(options: Options, calendar: Calendar) -> list[Day]:
    """The dates that are meant, as the calendar types them."""
    return [calendar.day(day, live=not options.backfill_mode) for day in options.days]


def planned(options: Options, days: Sequence[Day]) -> Plan:
    """What these options make of these dates now."""
    there = rerun_state(options)
    return plan(options, days, there.done, there.outdated, there.failed)


def failed_dates(start: date, end: date) -> list[date]:
    """The dates of a range on which the newest run of any processor failed, was blocked or has
    failures that are bugs.
    """
    newest = Run.objects.deciding(start, end)
    return sorted(
        {
            day
            for (_, day), run in newest.items()
            if run.status in REASONS or any(map(run.failures.get, BUGS))
        }
    )
