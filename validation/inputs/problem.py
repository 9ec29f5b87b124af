"""Problem in the Phase 3 tables of a season, and the rows that it is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import NamedTuple

from validation.findings.finding_kind import FindingKind, Severity

# Shown of a list; the query shows all.
MOST_LISTED = 60
MOST_IN_A_SENTENCE = 3
TABLE_NAMES = {
    "PGS": "player_game_summary",
    "TDGS": "team_defense_game_summary",
    "TOGS": "team_offense_game_summary",
    "UPGC": "upcoming_player_game_context",
    "UTGC": "upcoming_team_game_context",
    "SCHED": "nba_schedule",
}
PLAYER_TABLES = ("PGS", "UPGC")


class RowKey(NamedTuple):
    """Rows of one table and game: those of an entity, or of all players of a team if `entity` is
    empty.
    """

    table: str
    entity: str
    day: date
    game_id: str
    team: str


@dataclass(frozen=True, kw_only=True)
class InputProblem:
    """Contradiction between Phase 3 tables, given by their short names.

    `wrong` are the rows as they are, `right` as they would be without the problem; a missing row is
    only in `right`. `processors` limits those that compute wrong rows from them; empty means all
    that read the table. `statement` is the query that shows the rows, `only` restricts its columns
    to some values.
    """

    kind: FindingKind
    subject: str
    sentence: str
    statement: str
    tables: tuple[str, ...]
    dates: tuple[date, ...]
    only: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    games: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    players: tuple[str, ...] = ()
    cause: str = ""
    severity: Severity | None = None
    wrong: tuple[RowKey, ...] = ()
    right: tuple[RowKey, ...] = ()
    processors: tuple[str, ...] = ()
    numbers: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def weight(self) -> Severity:
        """Severity of this problem, by default that of its kind."""
        return self.kind.severity if self.severity is None else self.severity

    @property
    def rows(self) -> int:
        """Number of rows that it is about, or else of its dates."""
        found = self.numbers.get("rows")
        return found if isinstance(found, int) else len(self.dates)

    @property
    def names(self) -> dict[str, object]:
        """Tables, games, teams and players by name, as shown with the evidence."""
        lists = {"games": self.games, "teams": self.teams, "players": self.players}
        named: dict[str, object] = {name: listed(v) for name, v in lists.items() if v}
        return {"tables": [TABLE_NAMES[table] for table in self.tables], **named}


def full_name(table: str) -> str:
    """Return the name of a table with its dataset."""
    return f"{'nba_reference' if table == 'SCHED' else 'nba_analytics'}.{TABLE_NAMES[table]}"


def listed(names: Sequence[str]) -> list[str]:
    """Return the first names, and the number of the others."""
    more = len(names) - MOST_LISTED
    return [*names[:MOST_LISTED], *([f"and {more:,} more"] if more > 0 else [])]


def briefly(names: Iterable[str]) -> str:
    """Return the first names in one line, and the number of the others."""
    found = list(names)
    more = len(found) - MOST_IN_A_SENTENCE
    return ", ".join(found[:MOST_IN_A_SENTENCE]) + (f" and {more:,} more" if more > 0 else "")


def table_names(tables: Iterable[str]) -> str:
    """Return the names of tables in one line, in the order of their declaration."""
    wanted = set(tables)
    return ", ".join(name for table, name in TABLE_NAMES.items() if table in wanted)


def span(dates: Sequence[date]) -> str:
    """Return dates, in order, as text: up to three, else their number with the first and last."""
    if len(dates) <= MOST_IN_A_SENTENCE:
        return ", ".join(map(str, dates))
    return f"{len(dates)} dates from {dates[0]} to {dates[-1]}"
