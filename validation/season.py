"""Where a date falls in its season: day index, season week, bootstrap. The single home of those
numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import cached_property
from math import ceil

FIRST_MONTH = 10
BOOTSTRAP_DAYS = 14
FINAL = 3
SEASON_TYPES = ("regular", "playoffs")


class DateType(StrEnum):
    """What kind of date the calendar makes it; only a final game of a season type opens a date."""

    REGULAR = "regular"
    PLAYOFFS = "playoffs"
    BOOTSTRAP = "bootstrap"
    NO_GAMES = "no games"


@dataclass(frozen=True, order=True)
class Game:
    """One row of the schedule, as far as the calendar needs it."""

    game_date: date
    season_year: int
    status: int = FINAL
    season_type: str = "regular"


@dataclass(frozen=True)
class Day:
    """One date in its season. `index` is days since opening night, None without a season."""

    day: date
    type: DateType
    index: int | None = None
    games: int = 0

    @property
    def week(self) -> int | None:
        """Season week, 1-based, as the charts count it: days 0-7 are week 1."""
        return None if self.index is None else max(1, ceil(self.index / 7))

    @property
    def is_processing(self) -> bool:
        """Whether a run may exist for this date at all."""
        return self.type is not DateType.NO_GAMES

    @property
    def is_computed(self) -> bool:
        """Whether the processors compute anything for this date."""
        return self.type in (DateType.REGULAR, DateType.PLAYOFFS)

    @property
    def why_skipped(self) -> str:
        """The reason why nothing is computed, as run history states it; empty when it is."""
        if self.type is DateType.BOOTSTRAP:
            return f"bootstrap: day {self.index}, processing starts on day {BOOTSTRAP_DAYS}"
        return "no games" if self.type is DateType.NO_GAMES else ""


def season_year(day: date) -> int:
    """Year in which the season that this date belongs to began."""
    return day.year if day.month >= FIRST_MONTH else day.year - 1


def dates_between(start: date, end: date) -> list[date]:
    """Every calendar date from `start` to `end`, both included."""
    return [start + timedelta(days=n) for n in range((end - start).days + 1)]


class Calendar:
    """The schedule as dates: which are processed, in which season they lie and why others are not."""

    def __init__(self, games: Iterable[Game]) -> None:
        self.games = sorted(games)

    @cached_property
    def starts(self) -> dict[int, date]:
        """Opening night per season year; a season without a final regular game has none."""
        nights = [g for g in self.games if g.status == FINAL and g.season_type == "regular"]
        return {g.season_year: g.game_date for g in reversed(nights)}

    @cached_property
    def _by_date(self) -> dict[date, list[Game]]:
        found: dict[date, list[Game]] = {}
        for game in self.games:
            if game.season_type in SEASON_TYPES:
                found.setdefault(game.game_date, []).append(game)
        return found

    def day(self, day: date, *, live: bool = False) -> Day:
        """Type one date. `live` counts games that are not final yet, as normal mode does before
        tip-off.
        """
        start = self.starts.get(season_year(day))
        if start is None or day < start:
            return Day(day, DateType.NO_GAMES)
        games = [g for g in self._by_date.get(day, ()) if live or g.status == FINAL]
        index = (day - start).days
        if not games:
            return Day(day, DateType.NO_GAMES, index)
        if index < BOOTSTRAP_DAYS:
            return Day(day, DateType.BOOTSTRAP, index, len(games))
        playoffs = all(g.season_type == "playoffs" for g in games)
        return Day(day, DateType.PLAYOFFS if playoffs else DateType.REGULAR, index, len(games))

    def previous(self, day: date) -> date | None:
        """The processing date before this one in its season."""
        start = self.starts.get(season_year(day), day)
        earlier = (d for d in self._by_date if start <= d < day and self.day(d).is_processing)
        return max(earlier, default=None)

    def season(self, year: int) -> list[Day]:
        """Every processing date of the season that began in a year, bootstrap included."""
        days = (self.day(d) for d in sorted(self._by_date) if season_year(d) == year)
        return [day for day in days if day.is_processing]

    def days(self, start: date, end: date, *, live: bool = False) -> list[Day]:
        """Type every date of a range."""
        return [self.day(d, live=live) for d in dates_between(start, end)]
