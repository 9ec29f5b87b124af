"""Shortcuts for dates: a season, its weeks and months, its newest failed dates, its game days."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from types import MappingProxyType

from backfill.errors import Refused
from backfill.plan.date_lists import format_dates
from backfill.plan.options import Options, chosen
from backfill.plan.rerun_policy import failed_dates
from backfill.season_calendar import season_name
from validation.findings.kinds import pluralize
from validation.season import Calendar, DateType, Day, usual_season_year

NEWEST_FAILED = (1, 5, 20)
Span = tuple[date, date]
# Dates of a season that a pick with this number selects.
WITHIN: Mapping[str, Callable[[Day, int], bool]] = MappingProxyType(
    {
        "season": lambda day, n: True,
        "week": lambda day, n: day.week == n,
        "month": lambda day, n: _month(day) == n,
    }
)


def _month(day: Day) -> int:
    """Return the month of a date; a season that goes on in October has a second one, 22."""
    return day.day.month + 12 * (usual_season_year(day.day) > day.season)


@dataclass(frozen=True, kw_only=True)
class Pick:
    """A button that fills in dates; `chosen` if the form has them now."""

    value: str
    words: str
    title: str
    chosen: bool = False


@dataclass(frozen=True, kw_only=True)
class Picks:
    """Buttons for the seasons, and for the dates within one of them."""

    name: str
    seasons: tuple[Pick, ...]
    weeks: tuple[Pick, ...]
    months: tuple[Pick, ...]
    failed: tuple[Pick, ...]


def picks(calendar: Calendar, options: Options | None) -> Picks | None:
    """Return the picks within the season of these options, or within the newest; None without a
    loaded season.
    """
    if not calendar.starts:
        return None
    year = calendar.season_year(options.start) if options else max(calendar.starts)
    year = year if year in calendar.starts else max(calendar.starts)
    season, now = (
        calendar.season(year),
        (options.start, options.end) if options and not options.dates else None,
    )
    weeks = [list(days) for _, days in groupby(season, key=lambda day: day.week)]
    months = [(n, list(days)) for n, days in groupby(season, key=_month)]
    return Picks(
        name=season_name(year),
        seasons=tuple(
            _pick("season", y, 0, season_name(y), days=calendar.season(y), now=now)
            for y in sorted(calendar.starts, reverse=True)
        ),
        weeks=tuple(
            _pick("week", year, days[0].week or 0, str(days[0].week), days=days, now=now)
            for days in weeks
        ),
        months=tuple(
            _pick("month", year, n, _month_name(n, days[0]), days=days, now=now)
            for n, days in months
        ),
        failed=tuple(
            Pick(value=f"failed:{year}:{n}", words=str(n), title=_failed_title(n, year))
            for n in NEWEST_FAILED
        ),
    )


def _month_name(n: int, day: Day) -> str:
    return f"{day.day:%b}" if n <= 12 else f"{day.day:%b %Y}"


def _pick(
    kind: str, year: int, n: int, words: str, *, days: Sequence[Day], now: Span | None
) -> Pick:
    first, last = days[0].day, days[-1].day
    skipped = sum(day.type is DateType.BOOTSTRAP for day in days)
    bootstrap = f", {skipped} bootstrap" if skipped else ""
    title = f"{first} to {last}: {pluralize(len(days), 'date')} with games{bootstrap}"
    return Pick(value=f"{kind}:{year}:{n}", words=words, title=title, chosen=(first, last) == now)


def _failed_title(n: int, year: int) -> str:
    return (
        f"newest {pluralize(n, 'date')} of {season_name(year)} with failed or blocked runs or bugs"
    )


def picked(value: str, calendar: Calendar, options: Options | None) -> dict[str, str]:
    """Return the fields that a pick fills in. Raises Refused for an unknown or empty pick."""
    kind, *rest = value.split(":")
    year, n, *_ = [*(int(word) for word in rest if word.isdecimal() and len(word) < 5), 0, 0]
    season = calendar.season(year)
    if kind == "from":
        return {"processors": ",".join(chosen(start_from=year))}
    if kind == "games" and options:
        return _list([day for day in options.days if calendar.day(day).is_processing])
    if kind == "failed" and season:
        return _list(failed_dates(season[0].day, season[-1].day)[-n:])
    if days := [day.day for day in season if kind in WITHIN and WITHIN[kind](day, n)]:
        return {"by": "range", "start": str(days[0]), "end": str(days[-1]), "dates": ""}
    raise Refused(f"{value!r} is not a date shortcut; use the buttons above the dates")


def _list(days: Sequence[date]) -> dict[str, str]:
    if not days:
        raise Refused("no matching dates; the dates are unchanged")
    return {"by": "list", "dates": format_dates(days), "start": "", "end": ""}
