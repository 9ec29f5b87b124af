"""Whose games a season has, played and to come; and of one entity which of them it played."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from backfill.drilldown.entity_statuses import OnDate
from backfill.drilldown.query import ParameterizedQuery
from backfill.statements import render
from backfill.warehouse.season_cache import cached_for_season
from backfill.warehouse.tables import SCHED
from validation.expectation import PCF, GameRow
from validation.recovery import WINDOW, UpcomingGames
from validation.season import season_year


class ScheduledGame(NamedTuple):
    """One game of the schedule."""

    date: date
    game_id: str
    home: str
    away: str
    is_final: bool

    def opponent(self, team: str) -> str:
        """The other team."""
        return self.away if team == self.home else self.home


def scheduled_games(start: date) -> Sequence[ScheduledGame]:
    """Every game of a season, in order; read once per process. Raises WarehouseError."""

    def make() -> list[ScheduledGame]:
        return [
            ScheduledGame(*row.values())
            for row in ParameterizedQuery(render("season-games"), {"season_start": start}).ask()
        ]

    return cached_for_season("fixtures", season_year(start), (SCHED,), make)


class GameRole(StrEnum):
    """What an entity had to do with a game."""

    PLAYED = "played"
    DID_NOT_PLAY = "did not play"
    NO_ROW = "not among the game's rows"
    NOBODY = "Phase 3 has no row of this game"


@dataclass(frozen=True)
class GameLine:
    """One game of the entity's team. `in_window`: whether the processor examines it; `is_bad`: it
    holds an impossible value.
    """

    date: date
    game_id: str
    team: str
    opponent: str
    at_home: bool
    part: GameRole
    in_window: bool = False
    is_bad: bool = False


def lines(asked: OnDate, entity: str) -> list[GameLine]:
    """The games of the entity's team before the date, newest first: of each team that it played
    for, while it did.
    """
    counting = asked.history(entity).games_before(asked.day)
    played = {row.game_id: row for row in counting}
    examined = (
        {row.game_id for row in counting[: WINDOW.get(asked.code)]} if asked.code != PCF else set()
    )
    known, told = _known_games(asked), {row.game_id for row in asked.history(entity).rows}
    found = []
    for fixture in _before(asked, entity, counting):
        row = played.get(fixture.game_id)
        part = (
            GameRole.PLAYED
            if row
            else GameRole.DID_NOT_PLAY
            if fixture.game_id in told
            else GameRole.NO_ROW
        )
        part = part if fixture.game_id in known else GameRole.NOBODY
        team = _team_at(asked, entity, counting, fixture.date)
        found.append(
            GameLine(
                fixture.date,
                fixture.game_id,
                team,
                fixture.opponent(team),
                team == fixture.home,
                part,
                fixture.game_id in examined,
                bool(row and row.is_bad),
            )
        )
    return found


def _before(asked: OnDate, entity: str, counting: Sequence[GameRow]) -> list[ScheduledGame]:
    """Newest first; a game that stands on two dates counts on the later one."""
    by_game = {
        f.game_id: f for f in scheduled_games(asked.start) if f.is_final and f.date < asked.day
    }
    own = [
        f for f in by_game.values() if _team_at(asked, entity, counting, f.date) in (f.home, f.away)
    ]
    return sorted(own, reverse=True)


def _team_at(asked: OnDate, entity: str, counting: Sequence[GameRow], day: date) -> str:
    """The team of the newest game up to a day, before the first one that of the first; of who has
    not played, today's.
    """
    if asked.of_teams or not counting:
        return asked.team(entity)
    return next((game for game in counting if game.day <= day), counting[-1]).team


def _known_games(asked: OnDate) -> frozenset[str]:
    """The games of which Phase 3 has any row."""
    source = asked.facts.defenses if asked.of_teams else asked.facts.players
    return frozenset(row.game_id for history in source.values() for row in history.rows)


def coming(asked: OnDate, entity: str, before: Sequence[GameLine]) -> UpcomingGames:
    """What lies ahead of the entity: its team's games that were or will be played, from the date
    on.
    """
    schedule = scheduled_games(asked.start)
    newest = max((f.date for f in schedule if f.is_final), default=asked.day)
    # What was not final when later games were is not to come: it was put off.
    ahead = [f for f in schedule if f.date >= asked.day and (f.is_final or f.date > newest)]
    team = asked.team(entity)
    missed = next((n for n, line in enumerate(before) if line.part is GameRole.PLAYED), len(before))
    dates = sorted({f.date for f in ahead if f.date > asked.day})
    return UpcomingGames(
        [f.date for f in ahead if team in (f.home, f.away)], dates, 0 if asked.of_teams else missed
    )
