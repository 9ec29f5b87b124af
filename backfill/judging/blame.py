"""Which rows of Phase 3 hold the impossible values that failures name by table and game."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

from backfill.warehouse.tables import PGS, TDGS, TOGS, UPGC
from validation.expectation import Facts

BAD_ROW = re.compile(r"impossible value in (\S+), game_id (\S+):")
Named = Collection[tuple[str, str]]  # (table, game)


def named(texts: Iterable[str]) -> set[tuple[str, str]]:
    """The (table, game) that these failures name."""
    return {(match[1], match[2]) for text in texts if (match := BAD_ROW.match(text))}


def rows(texts: Iterable[str], facts: Facts) -> tuple[str, ...]:
    """The rows to blame for these failures, by their keys: `player on date, game number`, in order of their dates."""
    games = named(texts)
    found = sorted((*_of_games(games, facts), *_of_contexts(games, facts)))
    return tuple(f"{entity} on {day}, game {game}" for day, entity, game in found)


def _of_games(games: Named, facts: Facts) -> Iterator[tuple[object, str, str]]:
    for table, histories in ((PGS, facts.players), (TDGS, facts.defenses), (TOGS, facts.offenses)):
        ids = {game for name, game in games if name == str(table)}
        for entity, history in histories.items() if ids else ():
            yield from ((row.day, entity, row.game_id) for row in history.rows if row.is_bad and row.game_id in ids)


def _of_contexts(games: Named, facts: Facts) -> Iterator[tuple[object, str, str]]:
    ids = {game for name, game in games if name == str(UPGC)}
    teams = ((team, day, game) for team, played in facts.schedule.items() for day, game in played if game in ids)
    for team, day, game in teams:
        yield from ((day, c.player, game) for c in facts.contexts.get(day, ()) if c.is_bad and c.team == team)
