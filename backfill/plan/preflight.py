"""Preflight of a plan: checks of its Phase 3 data, output and conflicts, before a start."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from shlex import quote

from django.utils.timezone import now

from backfill.input_checks import of_season
from backfill.models import Job, Run, Worker
from backfill.plan import rerun_policy
from backfill.plan.date_lists import format_dates
from backfill.plan.options import Options
from backfill.plan.planning import Plan, PlannedAction
from backfill.processors.registry import PROCESSORS
from backfill.season_calendar import (
    load_calendar,
    missing_seasons,
    postponed_games,
    season_name,
    seasons_of,
    source_rows,
    unfinished_writes,
)
from backfill.warehouse import warehouse
from backfill.warehouse.season_cache import cached_for_season, of_one_version
from backfill.warehouse.tables import BY_REF, INPUTS
from validation.coverage import Rows
from validation.inputs.problem import InputProblem
from validation.preflight import PreflightInput, judge
from validation.preflight_report import Report
from validation.season import Calendar, Day


def report(
    planned: Plan,
    calendar: Calendar,
    *,
    held: str = "",
    asked: Collection[date] | None = None,
    not_loaded: Sequence[str] = (),
) -> Report:
    """Check a plan. `asked` are the dates that require Phase 3 rows (default: executed dates)."""
    options, days = planned.options, planned.days
    seasons = seasons_of(options)
    runs = [r for r in planned.runs if r.action is PlannedAction.RUN]
    required = {r.date for r in runs} if asked is None else set(asked)
    season = _season(days, calendar, required)
    return judge(
        PreflightInput(
            days=days,
            asked=required,
            season=season,
            rows=_rows(season, calendar),
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
            unfinished={w.sentence: w.advice for w in unfinished_writes(seasons)},
            contradictions=[t for y, t in calendar.contradictions().items() if y in seasons],
            postponed=postponed_games(seasons),
            problems=_problems(season, calendar),
        )
    )


def _output(code: str, days: Iterable[Day]) -> set[date]:
    return warehouse().partitions(PROCESSORS[code].output, among={day.day for day in days})


def _season(days: Iterable[Day], calendar: Calendar, required: Collection[date]) -> list[Day]:
    """Return all game dates of the seasons of these days.

    Required dates keep their planned type, because their games can lie in the future.
    """
    years = sorted({day.season for day in days if day.is_processing})
    found = {day.day: day for year in years for day in calendar.season(year)}
    planned = {day.day: day for day in days if day.day in required}
    return [day for _, day in sorted((found | planned).items())]


def _rows(season: Sequence[Day], calendar: Calendar) -> Rows:
    if not season:
        return {}
    first, last = season[0].day, season[-1].day
    if len({day.season for day in season}) > 1:
        return source_rows(first, last)
    loaded = calendar.season(season[0].season)
    is_whole = bool(loaded) and (first, last) == (loaded[0].day, loaded[-1].day)
    return cached_for_season(
        "input rows" if is_whole else f"input rows {first} {last}",
        season[0].season,
        INPUTS,
        lambda: source_rows(first, last),
        in_memory=not is_whole,
    )


def _problems(season: Sequence[Day], calendar: Calendar) -> list[InputProblem]:
    """Return the contradictions between the Phase 3 tables of the seasons of these days."""
    years = sorted({calendar.season_year(day.day) for day in season} & calendar.starts.keys())
    return [problem for year in years for problem in of_season(calendar.starts[year])]


def _not_final(day: date, calendar: Calendar) -> int:
    return calendar.day(day, live=True).games - calendar.day(day).games


def command(options: Options) -> str:
    """Return the shell command for a preflight of these options."""
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


def holders(planned: Plan) -> dict[Job, int]:
    """Return the active jobs that hold runs of a plan, with the number of runs.

    Orphaned inline jobs hold nothing.
    """
    keys, options = {r.key for r in planned.todo}, planned.options
    active = Run.objects.filter(
        status__in=Run.ACTIVE, date__range=(options.start, options.end)
    ).select_related("job")
    active = active.exclude(job__in=[job.pk for job in orphaned_jobs()])
    held: dict[Job, int] = {}
    for run in active.order_by("job_id"):
        if (run.processor, run.date) in keys:
            held[run.job] = held.get(run.job, 0) + 1
    return held


def conflict_message(planned: Plan) -> str:
    """Return one sentence about the jobs that hold part of a plan; empty without a conflict."""
    return conflict_text(planned) if holders(planned) else ""


def conflict_text(planned: Plan) -> str:
    """Describe the conflict, also when the other job has already ended."""
    jobs = holders(planned)
    texts = [
        f"job {job.pk} ({job.actor}, {job.status}) holds {n} run{'s' * (n != 1)}"
        for job, n in jobs.items()
    ]
    advice = "resume it" if {job.status for job in jobs} == {Job.Status.PAUSED} else "wait for it"
    conflict = "; ".join(texts) or "another job just claimed part"
    return f"{conflict} of this range; {advice} or cancel it"


def orphaned_jobs() -> list[Job]:
    """Return the inline jobs that are paused or whose process ended."""
    at, inline = now(), Job.objects.exclude(owner="").exclude(status__in=Job.ENDED).order_by("pk")
    return [
        job for job in inline if job.status == Job.Status.PAUSED or Worker.has_ended(job.owner, at)
    ]


def check_range(options: Options) -> Report:
    """Run the preflight on every date of these options.

    It checks the Phase 3 data of complete dates too. A season that is not loaded is an item.
    """
    return of_one_version(seasons_of(options), lambda: _check_range(options))


def _check_range(options: Options) -> Report:
    missing = missing_seasons(options)
    calendar = load_calendar()
    days = [day for day in rerun_policy.days_of(options, calendar) if day.season not in missing]
    planned = rerun_policy.planned(options, days)
    names = [season_name(year) for year in missing]
    asked = {day.day for day in days if day.is_computed}
    return report(planned, calendar, held=conflict_message(planned), asked=asked, not_loaded=names)
