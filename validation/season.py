"""Season calendar: day index, season week and bootstrap of a date, defined only here."""

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
    """Type of a date. Only a final game of a season type makes a processing date."""

    REGULAR = "regular"
    PLAYOFFS = "playoffs"
    BOOTSTRAP = "bootstrap"
    NO_GAMES = "no games"


@dataclass(frozen=True, order=True, kw_only=True)
class Game:
    """Row of the schedule with the columns that the calendar needs."""

    game_date: date
    season_year: int
    status: int = FINAL
    season_type: str = "regular"


@dataclass(frozen=True, kw_only=True)
class Day:
    """Date in its season. `index` is days since opening night, None without a season."""

    day: date
    type: DateType
    index: int | None = None
    games: int = 0

    @property
    def week(self) -> int | None:
        """Season week, starting with 1, as in the charts: days 0-7 are week 1."""
        return None if self.index is None else max(1, ceil(self.index / 7))

    @property
    def is_processing(self) -> bool:
        """Return whether the date can have runs."""
        return self.type is not DateType.NO_GAMES

    @property
    def is_computed(self) -> bool:
        """Return whether the processors compute output for this date."""
        return self.type in (DateType.REGULAR, DateType.PLAYOFFS)

    @property
    def why_skipped(self) -> str:
        """Reason for a date without output, as in the run history; empty for computed dates."""
        if self.type is DateType.BOOTSTRAP:
            return f"bootstrap: day {self.index}, processing starts on day {BOOTSTRAP_DAYS}"
        return "no games" if self.type is DateType.NO_GAMES else ""


def season_year(day: date) -> int:
    """Return the year in which the season of this date began."""
    return day.year if day.month >= FIRST_MONTH else day.year - 1


def dates_between(start: date, end: date) -> list[date]:
    """Return every calendar date from `start` to `end`, both included."""
    return [start + timedelta(days=n) for n in range((end - start).days + 1)]


class Calendar:
    """Schedule as dates: processing dates, their seasons, and the reasons for skipped dates."""

    def __init__(self, games: Iterable[Game]) -> None:
        self.games = sorted(games)

    @cached_property
    def starts(self) -> dict[int, date]:
        """Opening night per season year; a season without a final regular game has none."""
        nights = [g for g in self.games if g.status == FINAL and g.season_type == "regular"]
        return {g.season_year: g.game_date for g in reversed(nights)}

    @cached_property
    def _by_date(self) -> dict[date, list[Game]]:
        by_date: dict[date, list[Game]] = {}
        for game in self.games:
            if game.season_type in SEASON_TYPES:
                by_date.setdefault(game.game_date, []).append(game)
        return by_date

    def day(self, day: date, *, live: bool = False) -> Day:
        """Return the type of one date. `live` includes games that are not final, for normal mode
        before tip-off.
        """
        start = self.starts.get(season_year(day))
        if start is None or day < start:
            return Day(day=day, type=DateType.NO_GAMES)
        games = [g for g in self._by_date.get(day, ()) if live or g.status == FINAL]
        index = (day - start).days
        if not games:
            return Day(day=day, type=DateType.NO_GAMES, index=index)
        if index < BOOTSTRAP_DAYS:
            return Day(day=day, type=DateType.BOOTSTRAP, index=index, games=len(games))
        playoffs = all(g.season_type == "playoffs" for g in games)
        return Day(
            day=day,
            type=DateType.PLAYOFFS if playoffs else DateType.REGULAR,
            index=index,
            games=len(games),
        )

    def previous(self, day: date) -> date | None:
        """Return the previous processing date of the same season."""
        start = self.starts.get(season_year(day), day)
        earlier = (d for d in self._by_date if start <= d < day and self.day(d).is_processing)
        return max(earlier, default=None)

    def season(self, year: int) -> list[Day]:
        """Return every processing date of the season that began in a year, including bootstrap."""
        days = (self.day(d) for d in sorted(self._by_date) if season_year(d) == year)
        return [day for day in days if day.is_processing]

    def days(self, start: date, end: date, *, live: bool = False) -> list[Day]:
        """Return the type of every date of a range."""
        return [self.day(d, live=live) for d in dates_between(start, end)]
