"""Season calendar: day index, season week and bootstrap of a date, defined only here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import cached_property
from math import ceil

# Of dates that no schedule mentions: the usual season is October to September.
FIRST_MONTH = 10
SUMMER = range(7, FIRST_MONTH)
# A season opens between July of its year and the next June; the latest so far opened in February.
FIRST_OPENING_MONTH = 7
BOOTSTRAP_DAYS = 14
SHOWN_GAMES = 5
ONE_DAY = timedelta(days=1)
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


@dataclass(frozen=True, order=True, kw_only=True)
class PostponedGame:
    """Game that the schedule lists on several dates, of which one counts."""

    dates: tuple[date, ...]
    game_id: str
    season_year: int = 0


def postponed_text(games: Sequence[PostponedGame]) -> str:
    """Return one sentence about postponed games, the first of them with their dates."""
    listed = [f"{g.game_id} ({' and '.join(map(str, g.dates))})" for g in sorted(games)]
    shown = ", ".join(listed[:SHOWN_GAMES])
    more = f" and {len(games) - SHOWN_GAMES} more" if len(games) > SHOWN_GAMES else ""
    count = "1 postponed game" if len(games) == 1 else f"{len(games):,} postponed games"
    date_of = "its final date, or its last" if len(games) == 1 else "their final date, or the last"
    return f"{count}: {shown}{more}; counted on {date_of}"


@dataclass(frozen=True, kw_only=True)
class Day:
    """Date in its season. `index` is days since opening night, None without a season. `season` is
    the season's year, by default the usual one.
    """

    day: date
    type: DateType
    index: int | None = None
    games: int = 0
    season: int = 0

    def __post_init__(self) -> None:
        if not self.season:
            object.__setattr__(self, "season", usual_season_year(self.day))

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


def usual_season_year(day: date) -> int:
    """Return the season year of a date by its month alone; `SeasonDates` knows the schedule."""
    return day.year if day.month >= FIRST_MONTH else day.year - 1


def opened_season_year(opening: date) -> int:
    """Return the year of the season that opens on this date."""
    return opening.year if opening.month >= FIRST_OPENING_MONTH else opening.year - 1


def dates_between(start: date, end: date) -> list[date]:
    """Return every calendar date from `start` to `end`, both included."""
    return [start + timedelta(days=n) for n in range((end - start).days + 1)]


@dataclass(frozen=True, kw_only=True)
class SeasonDates:
    """First and last scheduled date per season year. A date between them belongs to that season,
    any other date to the usual season of its month.
    """

    spans: Mapping[int, tuple[date, date]]

    def year_of(self, day: date) -> int:
        """Return the year of the season that a date belongs to."""
        return self._scheduled(day) or usual_season_year(day)

    def _scheduled(self, day: date) -> int | None:
        """Return the season in whose schedule a date lies."""
        usual = usual_season_year(day)
        for year in (usual, usual - 1, usual + 1):
            if year in self.spans and self.spans[year][0] <= day <= self.spans[year][1]:
                return year
        return None

    def needed(self, days: Iterable[date]) -> list[int]:
        """Return the seasons of these dates; a summer date outside the schedule needs none."""
        years = (self._scheduled(d) or (d.month not in SUMMER and self.year_of(d)) for d in days)
        return sorted(set(filter(None, years)))

    def bounds(self, year: int) -> tuple[date, date]:
        """Return the first and the last date that belong to a season."""
        first, last = date(year, FIRST_MONTH, 1), date(year + 1, FIRST_MONTH, 1) - ONE_DAY
        if before := self.spans.get(year - 1):
            first = max(first, before[1] + ONE_DAY)
        if after := self.spans.get(year + 1):
            last = min(last, after[0] - ONE_DAY)
        own = self.spans.get(year, (first, last))
        return min(first, own[0]), max(last, own[1])

    def replaced(self, year: int, days: Collection[date]) -> tuple[date, date]:
        """Return the bounds of a season whose schedule is replaced by one with these dates."""
        known = (*days, *self.spans.get(year, ()))
        new = {year: (min(known), max(known))} if known else {}
        return SeasonDates(spans={**self.spans, **new}).bounds(year)


class Calendar:
    """Schedule as dates: processing dates, their seasons, and the reasons for skipped dates."""

    def __init__(self, games: Iterable[Game]) -> None:
        self.games = sorted(games)

    @cached_property
    def seasons(self) -> SeasonDates:
        """Dates of every season, of all its games in the schedule."""
        first = {g.season_year: g.game_date for g in reversed(self.games)}
        last = {g.season_year: g.game_date for g in self.games}
        return SeasonDates(spans={year: (first[year], last[year]) for year in first})

    def season_year(self, day: date) -> int:
        """Return the year of the season that a date belongs to."""
        return self.seasons.year_of(day)

    def contradictions(self) -> dict[int, str]:
        """Return one sentence per season year that contradicts its dates or another season."""
        return {year: text for year in sorted(self.seasons.spans) if (text := self._wrong(year))}

    def _wrong(self, year: int) -> str:
        (first, last), before = self.seasons.spans[year], self.seasons.spans.get(year - 1)
        games, right = f"season_year {year} has games from {first} to {last}", ""
        if opened_season_year(first) != year:
            right = f"a season opens between July {year} and June {year + 1}"
        elif last >= (opening := self.starts.get(year, first)) + timedelta(days=365):
            right = f"a season ends within a year of opening night, {opening}"
        elif before and before[1] >= first:
            right = (
                f"season_year {year - 1} has games until {before[1]}, and seasons cannot overlap"
            )
        return f"{games}; {right}; correct season_year or game_date" if right else ""

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
        season = self.season_year(day)
        start = self.starts.get(season)
        if start is None or day < start:
            return Day(day=day, type=DateType.NO_GAMES, season=season)
        games = [g for g in self._by_date.get(day, ()) if live or g.status == FINAL]
        index = (day - start).days
        if not games:
            return Day(day=day, type=DateType.NO_GAMES, index=index, season=season)
        if index < BOOTSTRAP_DAYS:
            return Day(
                day=day, type=DateType.BOOTSTRAP, index=index, games=len(games), season=season
            )
        playoffs = all(g.season_type == "playoffs" for g in games)
        return Day(
            day=day,
            type=DateType.PLAYOFFS if playoffs else DateType.REGULAR,
            index=index,
            games=len(games),
            season=season,
        )

    def previous(self, day: date) -> date | None:
        """Return the previous processing date of the same season."""
        start = self.starts.get(self.season_year(day), day)
        earlier = (d for d in self._by_date if start <= d < day and self.day(d).is_processing)
        return max(earlier, default=None)

    def season(self, year: int) -> list[Day]:
        """Return every processing date of the season that began in a year, including bootstrap."""
        return list(self._by_season.get(year, ()))

    @cached_property
    def _by_season(self) -> dict[int, list[Day]]:
        found: dict[int, list[Day]] = {}
        for day in map(self.day, sorted(self._by_date)):
            if day.is_processing:
                found.setdefault(day.season, []).append(day)
        return found

    def days(self, start: date, end: date, *, live: bool = False) -> list[Day]:
        """Return the type of every date of a range."""
        return [self.day(d, live=live) for d in dates_between(start, end)]
