"""The preflight of a plan: what the warehouse holds of its dates, judged before anything is
started.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from shlex import quote

from backfill.plan.date_lists import format_dates
from backfill.plan.options import Options
from backfill.plan.planning import Plan, PlannedAction
from backfill.processors.registry import PROCESSORS
from backfill.season_calendar import source_rows
from backfill.warehouse import warehouse
from backfill.warehouse.tables import BY_REF
from validation.coverage import Rows
from validation.preflight import PreflightInput, judge
from validation.preflight_report import Report
from validation.season import Calendar, Day, season_year


def report(
    planned: Plan,
    calendar: Calendar,
    *,
    held: str = "",
    asked: Collection[date] | None = None,
    not_loaded: Sequence[str] = (),
) -> Report:
    """What speaks against a plan. `asked` are the dates whose rows must be there; unless given,
    those that it executes.
    """
    options, days = planned.options, planned.days
    runs = [r for r in planned.runs if r.action is PlannedAction.RUN]
    wanted = {r.date for r in runs} if asked is None else set(asked)
    season = _season(days, calendar, wanted)
    return judge(
        PreflightInput(
            days=days,
            asked=wanted,
            season=season,
            rows=_rows(season),
            reads={str(table) for code in options.processors for table in PROCESSORS[code].sources},
            live=not options.backfill_mode,
            not_final={day.day: n for day in days if (n := _not_final(day.day, calendar))},
            output={code: _output(code, days) for code in options.processors},
            replaced={
                code: {r.date for r in runs if r.processor == code} for code in options.processors
            },
            not_loaded=not_loaded,
            held=held,
            expiring={
                table: n
                for table, n in warehouse().expiring().items()
                if BY_REF[table].kind != "input"
            },
        )
    )


def _output(code: str, days: Iterable[Day]) -> set[date]:
    return warehouse().partitions(PROCESSORS[code].output, among={day.day for day in days})


def _season(days: Iterable[Day], calendar: Calendar, wanted: Collection[date]) -> list[Day]:
    """All dates with games of the seasons of these days; those wanted as they are planned, which
    may be before tip-off.
    """
    years = sorted({season_year(day.day) for day in days if day.is_processing})
    found = {day.day: day for year in years for day in calendar.season(year)}
    planned = {day.day: day for day in days if day.day in wanted}
    return [day for _, day in sorted((found | planned).items())]


def _rows(season: Sequence[Day]) -> Rows:
    return source_rows(season[0].day, season[-1].day) if season else {}


def _not_final(day: date, calendar: Calendar) -> int:
    return calendar.day(day, live=True).games - calendar.day(day).games


def command(options: Options) -> str:
    """The command line that lists what a preflight of these options finds."""
    words = ["manage.py preflight_check"]
    words += (
        [f"--dates {quote(format_dates(options.dates))}"] if options.dates else [str(options.start)]
    )
    words += (
        [f"--end-date {options.end}"] if not options.dates and options.end != options.start else []
    )
    words += [] if options.backfill_mode else [f"--mode {options.mode}"]
    words += (
        [f"--processors {','.join(options.processors)}"]
        if len(options.processors) < len(PROCESSORS)
        else []
    )
    return " ".join(words)
