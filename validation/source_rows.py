"""Phase 3 row whose impossible value fails an entity: the newest bad row in its windows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from validation.expectation import (
    NO_HISTORY,
    GameHistory,
    GameRow,
    PlayerContext,
    SeasonGames,
)
from validation.processor_rules import DEFENSE_TABLE, OFFENSE_TABLE, PLAYER_TABLE, RULES

CONTEXT_TABLE = "UPGC"


@dataclass(frozen=True, order=True, kw_only=True)
class SourceRow:
    """Key of a Phase 3 row; `table` is the short name."""

    day: date
    entity: str
    game_id: str
    table: str

    def __str__(self) -> str:
        return f"{self.entity} on {self.day}, game {self.game_id}"


def failing_row(facts: SeasonGames, code: str, day: date, entity: str) -> SourceRow | None:
    """Return the row that fails an entity of a processor on a date; None without a bad row."""
    rules, team = RULES[code], ""
    if rules.by_context:
        context = next((c for c in facts.contexts.get(day, ()) if c.player == entity), None)
        if context is None:
            return None
        if context.is_bad:
            return _of_context(facts, day, context)
        team = context.team
    history = facts.histories(rules.games).get(entity, NO_HISTORY)
    if row := _newest(rules.games, entity, history, day, rules.window):
        return row
    if not rules.team_window:
        return None
    offense = facts.offenses.get(team, NO_HISTORY)
    return _newest(OFFENSE_TABLE, team, offense, day, rules.team_window)


def bad_rows(facts: SeasonGames, games: Iterable[tuple[str, str]]) -> list[SourceRow]:
    """Return the bad rows of these (table, game), sorted by date."""
    keys = set(games)
    tables = [
        (table, facts.histories(table)) for table in (PLAYER_TABLE, DEFENSE_TABLE, OFFENSE_TABLE)
    ]
    of_games = [
        _row(table, entity, row)
        for table, histories in tables
        if any(name == table for name, _ in keys)
        for entity, history in histories.items()
        for row in history.rows
        if row.is_bad and (table, row.game_id) in keys
    ]
    of_contexts = (
        _of_context(facts, day, c) for day, rows in facts.contexts.items() for c in rows if c.is_bad
    )
    return sorted(
        [*of_games, *(row for row in of_contexts if (CONTEXT_TABLE, row.game_id) in keys)]
    )


def _newest(
    table: str, entity: str, history: GameHistory, day: date, window: int | None = None
) -> SourceRow | None:
    rows = history.games_before(day)[:window]
    return next((_row(table, entity, row) for row in rows if row.is_bad), None)


def _row(table: str, entity: str, row: GameRow) -> SourceRow:
    return SourceRow(day=row.day, entity=entity, game_id=row.game_id, table=table)


def _of_context(facts: SeasonGames, day: date, context: PlayerContext) -> SourceRow:
    """Return the key of a context row, with the game of its team on that date."""
    games = (game for at, game in facts.schedule.get(context.team, ()) if at == day)
    return SourceRow(day=day, entity=context.player, game_id=next(games, ""), table=CONTEXT_TABLE)
