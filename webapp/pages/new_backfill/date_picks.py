"""Dates as people who know the season name them: the season, a week or a month of it, its newest
failures, its game days.
"""

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
from validation.season import Calendar, DateType, Day, season_year

NEWEST_FAILED = (1, 5, 20)
Span = tuple[date, date]
# Which dates of a season a pick with this number means.
WITHIN: Mapping[str, Callable[[Day, int], bool]] = MappingProxyType(
    {
        "season": lambda day, n: True,
        "week": lambda day, n: day.week == n,
        "month": lambda day, n: day.day.month == n,
    }
)


@dataclass(frozen=True)
class Pick:
    """A button that fills in the dates: what it sends, its words, what it means, and whether that
    is filled in now.
    """

    value: str
    words: str
    title: str
    chosen: bool = False


@dataclass(frozen=True)
class Picks:
    """The buttons for the seasons, and those within one of them."""

    name: str
    seasons: tuple[Pick, ...]
    weeks: tuple[Pick, ...]
    months: tuple[Pick, ...]
    failed: tuple[Pick, ...]


def picks(calendar: Calendar, options: Options | None) -> Picks | None:
    """What can be picked, of the season of these options or of the newest; None when no season is
    loaded.
    """
    if not calendar.starts:
        return None
    year = season_year(options.start) if options else max(calendar.starts)
    year = year if year in calendar.starts else max(calendar.starts)
    season, now = (
        calendar.season(year),
        (options.start, options.end) if options and not options.dates else None,
    )
    weeks = [list(days) for _, days in groupby(season, key=lambda day: day.week)]
    months = [list(days) for _, days in groupby(season, key=lambda day: day.day.month)]
    return Picks(
        season_name(year),
        tuple(
            _pick("season", y, 0, season_name(y), calendar.season(y), now)
            for y in sorted(calendar.starts, reverse=True)
        ),
        tuple(
            _pick("week", year, days[0].week or 0, str(days[0].week), days, now) for days in weeks
        ),
        tuple(
            _pick("month", year, days[0].day.month, f"{days[0].day:%b}", days, now)
            for days in months
        ),
        tuple(
            Pick(f"failed:{year}:{n}", f"last {n}", _failed_title(n, year)) for n in NEWEST_FAILED
        ),
    )


def _pick(kind: str, year: int, n: int, words: str, days: Sequence[Day], now: Span | None) -> Pick:
    first, last = days[0].day, days[-1].day
    skipped = sum(day.type is DateType.BOOTSTRAP for day in days)
    bootstrap = f", {skipped} of them bootstrap" if skipped else ""
    title = f"{first} to {last}: {len(days)} dates with games{bootstrap}"
    return Pick(f"{kind}:{year}:{n}", words, title, chosen=(first, last) == now)


def _failed_title(n: int, year: int) -> str:
    return f"the newest {n} dates of {season_name(year)} whose newest run failed, was blocked or has failures that are bugs"


def picked(value: str, calendar: Calendar, options: Options | None) -> dict[str, str]:
    """What a pick fills in. Raises Refused for one that there is not, or that has no date."""
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
    raise Refused(f"{value!r} is nothing that can be picked; the buttons beside the dates are")


def _list(days: Sequence[date]) -> dict[str, str]:
    if not days:
        raise Refused("no date is like that, so the dates are left as they were")
    return {"by": "list", "dates": format_dates(days), "start": "", "end": ""}
