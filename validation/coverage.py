"""The rows of a Phase 3 table on a date, held against what the games of that date imply."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import sqrt
from statistics import median

from validation.season import Day
from validation.thresholds import LOW_COVERAGE_SHARE

Rows = Mapping[tuple[str, date], int]

# Rows that one game implies at least in each Phase 3 table: two teams, and five players a side.
ROWS_PER_GAME = {
    "nba_analytics.player_game_summary": 10,
    "nba_analytics.team_defense_game_summary": 2,
    "nba_analytics.team_offense_game_summary": 2,
    "nba_analytics.upcoming_player_game_context": 10,
    "nba_analytics.upcoming_team_game_context": 2,
}
# How many players a game has is nobody's constant; teams are always two.
PLAYER_TABLES = frozenset(table for table in ROWS_PER_GAME if "player" in table)
# What exists before the games of a date are played, which is when live runs need it; and what later
# dates look back on.
LIVE_TABLES = frozenset(table for table in ROWS_PER_GAME if "upcoming" in table)
GAME_TABLES = frozenset(ROWS_PER_GAME) - LIVE_TABLES

LOW = LOW_COVERAGE_SHARE
CHANCE = 4  # standard deviations
DEVIATIONS = 1.4826  # standard deviations in one median absolute deviation, where chance is normal


@dataclass(frozen=True)
class Norm:
    """What a game leaves in a table: the median number of rows, and the standard deviation of a
    single game from it.
    """

    per_game: float
    spread: float


def norm_of(nights: Sequence[tuple[int, int]]) -> Norm | None:
    """What dates, as (games, rows), make of a game; None without any.

    Medians, because a few dates that were lost by half must not be what the next one is measured
    by. A handful of dates
    knows little of chance, so the spread is never below half of what rows coming and going
    independently would have.
    """
    if not nights:
        return None
    per_game = median(rows / games for games, rows in nights)
    strayed = median(abs(rows - per_game * games) / sqrt(games) for games, rows in nights)
    return Norm(per_game, max(DEVIATIONS * strayed, sqrt(per_game) / 2))


def expected_rows(table: str, games: int, norm: Norm | None = None) -> float:
    """How many rows so many games imply: of teams two each; of players what is usual, at least five
    a side.
    """
    least = ROWS_PER_GAME[table] * games
    return max(least, norm.per_game * games) if norm and table in PLAYER_TABLES else least


def is_low(table: str, games: int, rows: int, norm: Norm | None = None) -> bool:
    """Whether rows are missing: fewer than any game has, or under that share of the usual and fewer
    than chance allows.
    """
    if rows < ROWS_PER_GAME[table] * games:
        return True
    missing = expected_rows(table, games, norm) - rows
    by_chance = CHANCE * norm.spread * sqrt(games) if norm else 0
    return missing > by_chance and rows < LOW * (rows + missing)


@dataclass(frozen=True)
class Coverage:
    """The rows of one table on one date with games, how many those games imply, and whether too
    many of them are missing.
    """

    date: date
    table: str
    games: int
    rows: int
    expected: float
    is_low: bool

    @property
    def is_missing(self) -> bool:
        """A date without any row is missing; one with some may be late."""
        return self.rows == 0

    @property
    def share(self) -> float:
        """Rows there per row expected; over 1 where there are more."""
        return self.rows / self.expected

    def __str__(self) -> str:
        found = f"{self.rows:,} row{'s' * (self.rows != 1)}" if self.rows else "no rows"
        implied = f"{self.games} games imply" if self.games > 1 else "1 game implies"
        share = "" if self.is_missing else f", {int(100 * self.share)} %"
        return f"{self.date}: {self.table} has {found} where {implied} {self._expected}{share}"

    @property
    def _expected(self) -> str:
        if self.table not in PLAYER_TABLES:
            return f"{self.expected:,}"
        if self.expected == expected_rows(self.table, self.games):
            return f"at least {self.expected:,}"
        return f"about {self.expected:,.0f} ({self.expected / self.games:.1f} a game this season)"


def phase3(days: Sequence[Day], rows: Rows) -> list[Coverage]:
    """The coverage of every date with games of one season, bootstrap included, in each Phase 3
    table.

    `rows` are those per (table, date). A date is measured by the other dates of its season that
    have rows.
    """
    played = [day for day in days if day.is_processing]
    return [found for table in ROWS_PER_GAME for found in _of_table(table, played, rows)]


def _of_table(table: str, played: Sequence[Day], rows: Rows) -> Iterator[Coverage]:
    found = {day.day: rows.get((table, day.day), 0) for day in played}
    nights = {
        day.day: (day.games, found[day.day])
        for day in played
        if found[day.day] and table in PLAYER_TABLES
    }
    for day in played:
        norm = norm_of([night for other, night in nights.items() if other != day.day])
        expected, low = (
            expected_rows(table, day.games, norm),
            is_low(table, day.games, found[day.day], norm),
        )
        yield Coverage(day.day, table, day.games, found[day.day], expected, low)
