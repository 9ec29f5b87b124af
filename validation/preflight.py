"""Coverage in, what blocks and what warns out: may a backfill start on this input?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from validation.season import DateType, Day

# Rows that one game implies in each Phase 3 table: two teams, and at least five players a side.
ROWS_PER_GAME = {
    "nba_analytics.player_game_summary": 10,
    "nba_analytics.team_defense_game_summary": 2,
    "nba_analytics.team_offense_game_summary": 2,
    "nba_analytics.upcoming_player_game_context": 10,
    "nba_analytics.upcoming_team_game_context": 2,
}


@dataclass(frozen=True)
class Gap:
    """A Phase 3 table that holds fewer rows for a date than its games imply."""

    date: date
    table: str
    rows: int
    expected: int

    @property
    def blocks(self) -> bool:
        """A date without any row is missing; one with some may be late."""
        return self.rows == 0

    def __str__(self) -> str:
        return f"{self.date}: {self.table} has {self.rows or 'no'} rows, its games imply at least {self.expected}"


# What exists before the games of a date are played, which is when live runs need it.
LIVE_TABLES = frozenset(table for table in ROWS_PER_GAME if "upcoming" in table)


def gaps(days: Iterable[Day], rows: Mapping[tuple[str, date], int], *, live: bool = False) -> list[Gap]:
    """Compare rows present per (table, date) with what the calendar implies; bootstrap dates read nothing."""
    return [
        Gap(day.day, table, rows.get((table, day.day), 0), day.games * per_game)
        for day in days
        if day.type in (DateType.REGULAR, DateType.PLAYOFFS)
        for table, per_game in ROWS_PER_GAME.items()
        if table in LIVE_TABLES or not live
        if rows.get((table, day.day), 0) < day.games * per_game
    ]
