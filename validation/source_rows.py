"""The Phase 3 row whose impossible value fails an entity: the newest bad one among those that its
processor examines.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from validation.expectation import (
    DEFENSE_WINDOW,
    ML,
    NO_HISTORY,
    OFFENSE_WINDOW,
    PCF,
    PDC,
    PSZA,
    SHOT_WINDOW,
    TDZA,
    GameHistory,
    GameRow,
    PlayerContext,
    SeasonGames,
)


@dataclass(frozen=True, order=True, kw_only=True)
class SourceRow:
    """The key of a row of Phase 3; `table` is its short name."""

    day: date
    entity: str
    game_id: str
    table: str

    def __str__(self) -> str:
        return f"{self.entity} on {self.day}, game {self.game_id}"


def failing_row(facts: SeasonGames, code: str, day: date, entity: str) -> SourceRow | None:
    """The row that fails an entity of a processor on a date; None when no row that it examines is
    bad.
    """
    if code == TDZA:
        return _newest("TDGS", entity, facts.defenses.get(entity, NO_HISTORY), day, DEFENSE_WINDOW)
    player = facts.player(entity)
    if code == PSZA:
        return _newest("PGS", entity, player, day, SHOT_WINDOW)
    context = next((c for c in facts.contexts.get(day, ()) if c.player == entity), None)
    if context is None or code not in (PCF, PDC, ML):
        return None
    if context.is_bad or code == PCF:
        return _of_context(facts, day, context) if context.is_bad else None
    own = _newest("PGS", entity, player, day)
    if own or code == ML:
        return own
    return _newest(
        "TOGS", context.team, facts.offenses.get(context.team, NO_HISTORY), day, OFFENSE_WINDOW
    )


def bad_rows(facts: SeasonGames, games: Iterable[tuple[str, str]]) -> list[SourceRow]:
    """All bad rows of these (table, game), in order of their dates."""
    wanted = set(games)
    tables = (("PGS", facts.players), ("TDGS", facts.defenses), ("TOGS", facts.offenses))
    of_games = [
        _row(table, entity, row)
        for table, histories in tables
        if any(name == table for name, _ in wanted)
        for entity, history in histories.items()
        for row in history.rows
        if row.is_bad and (table, row.game_id) in wanted
    ]
    of_contexts = (
        _of_context(facts, day, c)
        for day, found in facts.contexts.items()
        for c in found
        if c.is_bad
    )
    return sorted([*of_games, *(row for row in of_contexts if ("UPGC", row.game_id) in wanted)])


def _newest(
    table: str, entity: str, history: GameHistory, day: date, window: int | None = None
) -> SourceRow | None:
    rows = history.games_before(day)[:window]
    return next((_row(table, entity, row) for row in rows if row.is_bad), None)


def _row(table: str, entity: str, row: GameRow) -> SourceRow:
    return SourceRow(day=row.day, entity=entity, game_id=row.game_id, table=table)


def _of_context(facts: SeasonGames, day: date, context: PlayerContext) -> SourceRow:
    """A context row has the game of its team's date."""
    games = (game for at, game in facts.schedule.get(context.team, ()) if at == day)
    return SourceRow(day=day, entity=context.player, game_id=next(games, ""), table="UPGC")
