"""The spans of a season that a person asks for by name: the whole of it, a week, a month, the last failed dates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from validation.season import Calendar, Day


@dataclass(frozen=True)
class Span:
    """Some dates by name. `games` counts those with games; `dates` names them when it is not all from start to end."""

    label: str
    start: date
    end: date
    games: int
    dates: tuple[date, ...] = ()


def spans(calendar: Calendar, year: int) -> list[Span]:
    """What can be chosen of the season that began in a year: the whole, each week, each month with games."""
    days = calendar.season(year)
    if not days:
        return []
    whole = _span(f"whole season {year}-{(year + 1) % 100:02}", days)
    weeks = [_span(f"season week {week}", list(of)) for week, of in groupby(days, key=lambda day: day.week)]
    months = [_span(f"{days_of[0].day:%B %Y}", days_of) for days_of in _by_month(days)]
    return [whole, *weeks, *months]


def weeks_span(calendar: Calendar, year: int, first: int, last: int) -> Span | None:
    """Season weeks, the last one included; None when they have no game."""
    days = [day for day in calendar.season(year) if day.week and first <= day.week <= last]
    label = f"season week {first}" if first == last else f"season weeks {first} to {last}"
    return _span(label, days) if days else None


def last_failed(failed: Iterable[date], n: int) -> Span | None:
    """The last `n` of the dates that failed; None when none did."""
    dates = tuple(sorted(set(failed))[-n:]) if n > 0 else ()
    if not dates:
        return None
    label = f"the last {len(dates)} failed dates" if len(dates) > 1 else "the last failed date"
    return Span(label, dates[0], dates[-1], len(dates), dates)


def _span(label: str, days: Sequence[Day]) -> Span:
    return Span(label, days[0].day, days[-1].day, len(days))


def _by_month(days: Sequence[Day]) -> list[list[Day]]:
    return [list(of) for _, of in groupby(days, key=lambda day: (day.day.year, day.day.month))]
