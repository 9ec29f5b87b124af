"""Source rows available to a run: inside the cut-off, one per game, newest first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from datetime import date, timedelta
from functools import cached_property
from typing import Any, TypeVar

from tests.oracle.outcome import PROCESSOR_NAMES, TABLES, Row, Rows, Tables

COMPLETENESS_WAIVED_DAYS = 30
RECENT_TEAM_GAMES = 10

T = TypeVar("T")


def is_played(row: Row) -> bool:
    """Return true for a played game; NULL is neither TRUE nor greater than zero."""
    return row["is_active"] is True and any(
        (row[c] or 0) > 0 for c in ("minutes_played", "fg_attempts", "points")
    )


def ordering(short: str, row: Row) -> tuple[tuple[bool, Any], ...]:
    """Return the row as a sort key in column order, NULL smallest."""
    values = (row[name] for name in TABLES[short].names if name != "processed_at")
    return tuple((v is not None, v if v is not None else 0) for v in values)


def one_per_game(short: str, rows: Iterable[Row]) -> Rows:
    """Return the latest version of each game of one entity; equal times go to the larger row."""
    by_game: dict[str, Rows] = defaultdict(list)
    for row in rows:
        by_game[row["game_id"]].append(row)
    return [
        copies[0]
        if len(copies) == 1
        else max(copies, key=lambda r: (r["processed_at"], ordering(short, r)))
        for copies in by_game.values()
    ]


class Facts:
    """Source rows of a run by table, entity and date."""

    def __init__(self, tables: Tables, season_start: date, backfill_mode: bool) -> None:
        self.season_start = season_start
        self.backfill_mode = backfill_mode
        self._tables = tables
        self._memo: dict[Hashable, Any] = {}

    def memo(self, key: Hashable, make: Callable[[], T]) -> T:
        """Make a value once per run."""
        if key not in self._memo:
            self._memo[key] = make()
        value: T = self._memo[key]
        return value

    def _rows(self, short: str) -> Rows:
        """Return the rows of a table, with NULL for every column not given."""
        names = TABLES[short].names
        return [{name: row.get(name) for name in names} for row in self._tables.get(short, ())]

    def _by_entity(self, short: str) -> dict[str, Rows]:
        return self.memo(("entities", short), lambda: self._group(short))

    def _group(self, short: str) -> dict[str, Rows]:
        groups: dict[str, Rows] = defaultdict(list)
        for row in self._rows(short):
            groups[row[TABLES[short].entity]].append(row)
        return dict(groups)

    def _inside(self, row: Row, day: date) -> bool:
        played_on: date = row["game_date"]
        return self.season_start <= played_on < day

    # History

    def history(self, short: str, entity: str, day: date) -> Rows:
        """Return the games of a team or player before the day, newest first."""
        return self.memo((short, entity, day), lambda: self._history(short, entity, day))

    def _history(self, short: str, entity: str, day: date) -> Rows:
        rows = [r for r in self._by_entity(short).get(entity, ()) if self._inside(r, day)]
        return sorted(
            one_per_game(short, rows), key=lambda r: (r["game_date"], r["game_id"]), reverse=True
        )

    def histories(self, short: str, day: date) -> dict[str, Rows]:
        """Return the histories of every entity that has one."""
        found = {entity: self.history(short, entity, day) for entity in self._by_entity(short)}
        return {entity: rows for entity, rows in found.items() if rows}

    def played(self, player: str, day: date) -> Rows:
        """Return the played games of a player before the day, newest first."""
        return self.memo(
            ("played", player, day),
            lambda: [r for r in self.history("PGS", player, day) if is_played(r)],
        )

    def players(self) -> Iterable[str]:
        """Return every player with a game row."""
        return self._by_entity("PGS")

    # Rows of the day

    def context(self, short: str, entity: str, day: date) -> Row | None:
        """Return the context row of the day, UPGC by player or UTGC by team."""
        rows = [r for r in self._by_entity(short).get(entity, ()) if r["game_date"] == day]
        return max(
            rows, key=lambda r: (r["processed_at"], r["game_id"], ordering(short, r)), default=None
        )

    def context_players(self, day: date) -> list[str]:
        """Return the players with a context row on the day."""
        return [p for p in self._by_entity("UPGC") if self.context("UPGC", p, day)]

    def upstream(self, short: str, entity: str, day: date) -> Row | None:
        """Return another processor's row of the entity for the same day."""
        partition = TABLES[short].partition
        return next(
            (r for r in self._by_entity(short).get(entity, ()) if r[partition] == day), None
        )

    def logged(self, short: str, entity: str, day: date) -> Row | None:
        """Return another processor's logged failure of the entity for the same day."""
        return self._logged.get((PROCESSOR_NAMES[short], entity, day))

    @cached_property
    def _logged(self) -> dict[tuple[str, str, date], Row]:
        return {
            (r["processor_name"], r["entity_id"], r["analysis_date"]): r
            for r in self._rows("FAILURES")
        }

    # Completeness

    def lacking(self, team: str, games: Rows, day: date) -> tuple[int, int] | None:
        """Return (found, expected) recent team games if below 90 % in normal mode, else None."""
        if self.backfill_mode or day - self.season_start < timedelta(days=COMPLETENESS_WAIVED_DAYS):
            return None
        recent = self.schedule(team, day)[:RECENT_TEAM_GAMES]
        if not recent:
            return None
        first = min(g["game_date"] for g in recent)
        found = min(len(recent), sum(g["game_date"] >= first for g in games))
        return (found, len(recent)) if 10 * found < 9 * len(recent) else None

    def schedule(self, team: str, day: date) -> Rows:
        """Return the final games of a team before the day, newest first."""
        games = [
            g for g in self._final_games(day) if team in (g["home_team_abbr"], g["away_team_abbr"])
        ]
        return sorted(games, key=lambda g: (g["game_date"], g["game_id"]), reverse=True)

    def _final_games(self, day: date) -> Rows:
        """Return one row per game; a game listed on two dates counts on the later one."""
        return self.memo(("final", day), lambda: list(self._latest_final(day).values()))

    def _latest_final(self, day: date) -> dict[str, Row]:
        latest: dict[str, Row] = {}
        for row in sorted(
            self._rows("SCHED"), key=lambda r: (r["game_date"], ordering("SCHED", r))
        ):
            final = row["game_status"] == 3 and row["season_type"] in ("regular", "playoffs")
            if final and self._inside(row, day):
                latest[row["game_id"]] = row
        return latest
