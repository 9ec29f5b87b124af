"""Coverage: rows of a Phase 3 table on a date, compared with the rows that its games imply."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import sqrt
from statistics import median

from validation.findings.kinds import pluralize
from validation.season import Day
from validation.thresholds import LOW_COVERAGE_SHARE

Rows = Mapping[tuple[str, date], int]

# Fewest rows per game in each Phase 3 table: two teams, and five players per side.
ROWS_PER_GAME = {
    "nba_analytics.player_game_summary": 10,
    "nba_analytics.team_defense_game_summary": 2,
    "nba_analytics.team_offense_game_summary": 2,
    "nba_analytics.upcoming_player_game_context": 10,
    "nba_analytics.upcoming_team_game_context": 2,
}
# The number of players per game varies; the number of teams is always two.
PLAYER_TABLES = frozenset(table for table in ROWS_PER_GAME if "player" in table)
# LIVE_TABLES have rows before the games of a date, when live runs need them. Windows of later dates
# contain GAME_TABLES.
LIVE_TABLES = frozenset(table for table in ROWS_PER_GAME if "upcoming" in table)
GAME_TABLES = frozenset(ROWS_PER_GAME) - LIVE_TABLES

LOW = LOW_COVERAGE_SHARE
CHANCE = 4  # standard deviations
DEVIATIONS = 1.4826  # standard deviations per median absolute deviation of a normal distribution


@dataclass(frozen=True)
class Norm:
    """Rows of a table per game: the median, and the standard deviation of a single game."""

    per_game: float
    spread: float


class Norms:
    """Norm of some dates, given as (games, rows), and that of the others of each date.

    Medians, so that a few incomplete dates do not shift the norm. A handful of dates underestimates
    chance, so the spread is at least half of that of rows that come and go independently.
    """

    def __init__(self, nights: Sequence[tuple[int, int]]) -> None:
        self._nights = nights
        self._per_game = sorted(rows / games for games, rows in nights)
        # By rows per game: without one date, their median is one of three at most.
        self._strayed: dict[float, list[float]] = {}

    def without(self, night: tuple[int, int] | None) -> Norm | None:
        """Return the norm of all dates but one; None without dates."""
        others = _without(self._per_game, night and night[1] / night[0])
        return self._of(median(others), night) if others else None

    def _of(self, per_game: float, night: tuple[int, int] | None) -> Norm:
        if per_game not in self._strayed:
            self._strayed[per_game] = sorted(_strayed(found, per_game) for found in self._nights)
        strayed = median(_without(self._strayed[per_game], night and _strayed(night, per_game)))
        return Norm(per_game, max(DEVIATIONS * strayed, sqrt(per_game) / 2))


def _strayed(night: tuple[int, int], per_game: float) -> float:
    games, rows = night
    return abs(rows - per_game * games) / sqrt(games)


def _without(ordered: list[float], value: float | None) -> list[float]:
    """Return an ordered list without one occurrence of a value."""
    if value is None:
        return ordered
    place = bisect_left(ordered, value)
    return ordered[:place] + ordered[place + 1 :]


def expected_rows(table: str, games: int, norm: Norm | None = None) -> float:
    """Return the rows that games imply: two per game for teams, the usual number for players, but
    at least five per side.
    """
    least = ROWS_PER_GAME[table] * games
    return max(least, norm.per_game * games) if norm and table in PLAYER_TABLES else least


def is_low(table: str, games: int, rows: int, norm: Norm | None = None) -> bool:
    """Return whether rows are missing: fewer than the minimum of the games, or both under LOW of
    the usual number and beyond chance.
    """
    if rows < ROWS_PER_GAME[table] * games:
        return True
    missing = expected_rows(table, games, norm) - rows
    by_chance = CHANCE * norm.spread * sqrt(games) if norm else 0
    return missing > by_chance and rows < LOW * (rows + missing)


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """Rows of one table on one date with games, the expected rows, and whether too many miss."""

    date: date
    table: str
    games: int
    rows: int
    expected: float
    is_low: bool

    @property
    def is_missing(self) -> bool:
        """Return whether the date has no rows at all."""
        return self.rows == 0

    @property
    def share(self) -> float:
        """Rows per expected row; can exceed 1."""
        return self.rows / self.expected

    def __str__(self) -> str:
        rows = pluralize(self.rows, "row") if self.rows else "no rows"
        share = "" if self.is_missing else f" ({int(100 * self.share)} %)"
        expected = f"{self._expected} expected for {pluralize(self.games, 'game')}"
        return f"{self.date}: {self.table} has {rows}{share}, {expected}{self._per_game}"

    @property
    def _expected(self) -> str:
        if self.table not in PLAYER_TABLES:
            return f"{self.expected:,}"
        return f"at least {self.expected:,}" if self._is_minimum else f"about {self.expected:,.0f}"

    @property
    def _is_minimum(self) -> bool:
        return self.expected == expected_rows(self.table, self.games)

    @property
    def _per_game(self) -> str:
        if self.table not in PLAYER_TABLES or self._is_minimum:
            return ""
        return f" ({self.expected / self.games:.1f} per game this season)"


def phase3(days: Sequence[Day], rows: Rows) -> list[Coverage]:
    """Return the coverage of each Phase 3 table on every date with games of one season, including
    bootstrap.

    `rows` counts rows per (table, date). The norm of a date comes from the other dates of its
    season with rows.
    """
    played = [day for day in days if day.is_processing]
    return [cell for table in ROWS_PER_GAME for cell in _of_table(table, played, rows)]


def _of_table(table: str, played: Sequence[Day], rows: Rows) -> Iterator[Coverage]:
    counts = {day.day: rows.get((table, day.day), 0) for day in played}
    nights = {
        day.day: (day.games, counts[day.day])
        for day in played
        if counts[day.day] and table in PLAYER_TABLES
    }
    norms = Norms(list(nights.values()))
    for day in played:
        norm = norms.without(nights.get(day.day))
        expected, low = (
            expected_rows(table, day.games, norm),
            is_low(table, day.games, counts[day.day], norm),
        )
        yield Coverage(
            date=day.day,
            table=table,
            games=day.games,
            rows=counts[day.day],
            expected=expected,
            is_low=low,
        )
