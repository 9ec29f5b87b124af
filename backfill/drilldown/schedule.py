"""Schedule of a season, and the part of an entity in each game of its team."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import takewhile
from typing import NamedTuple

from backfill.audit import load
from backfill.drilldown.entity_statuses import OnDate
from backfill.drilldown.query import ParameterizedQuery
from backfill.season_calendar import load_calendar
from backfill.statements import render
from backfill.warehouse.season_cache import cached_for_season
from backfill.warehouse.tables import PGS, SCHED, TDGS
from validation.expectation import GameRow
from validation.processor_rules import RULES
from validation.recovery import UpcomingGames
from validation.season import opened_season_year


class ScheduledGame(NamedTuple):
    """Game of the schedule."""

    date: date
    game_id: str
    home: str
    away: str
    is_final: bool

    def opponent(self, team: str) -> str:
        """Return the other team."""
        return self.away if team == self.home else self.home


def scheduled_games(start: date) -> Sequence[ScheduledGame]:
    """Return the games of a season in order, cached per process. Raises WarehouseError."""

    def make() -> list[ScheduledGame]:
        return [
            ScheduledGame(*row.values())
            for row in ParameterizedQuery(render("season-games"), {"season_start": start}).ask()
        ]

    return cached_for_season("fixtures", opened_season_year(start), (SCHED,), make)


class GameRole(StrEnum):
    """Part of an entity in a game."""

    PLAYED = "played"
    DID_NOT_PLAY = "did not play"
    NO_ROW = "no row for this game"
    LOST_ROW = "row possibly missing in Phase 3"
    NOBODY = "game missing in Phase 3"


MISSED = (GameRole.DID_NOT_PLAY, GameRole.NO_ROW)


@dataclass(frozen=True, kw_only=True)
class GameLine:
    """Game of the entity's team. `in_window`: the processor examines it; `is_bad`: it holds an
    impossible value.
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
    """Return the games of the entity's team before the date, newest first. After a trade, each
    team counts while the player was on it.
    """
    counting = asked.history(entity).games_before(asked.day)
    played = {row.game_id: row for row in counting}
    rules = RULES[asked.code]
    examined = {row.game_id for row in counting[: rules.window]} if rules.games else set()
    known, listed = _known_games(asked), {row.game_id for row in asked.history(entity).rows}
    short = _short_dates(asked)
    found = []
    for fixture in _before(asked, entity, counting):
        row = played.get(fixture.game_id)
        part = (
            GameRole.PLAYED
            if row
            else GameRole.DID_NOT_PLAY
            if fixture.game_id in listed
            else GameRole.NO_ROW
        )
        if part is GameRole.NO_ROW and fixture.date in short:
            part = GameRole.LOST_ROW
        part = part if fixture.game_id in known else GameRole.NOBODY
        team = _team_at(asked, entity, counting, fixture.date)
        found.append(
            GameLine(
                date=fixture.date,
                game_id=fixture.game_id,
                team=team,
                opponent=fixture.opponent(team),
                at_home=team == fixture.home,
                part=part,
                in_window=fixture.game_id in examined,
                is_bad=bool(row and row.is_bad),
            )
        )
    return found


def _before(asked: OnDate, entity: str, counting: Sequence[GameRow]) -> list[ScheduledGame]:
    """Return the games newest first. A game listed on two dates counts on the later one."""
    by_game = {
        f.game_id: f for f in scheduled_games(asked.start) if f.is_final and f.date < asked.day
    }
    own = [
        f for f in by_game.values() if _team_at(asked, entity, counting, f.date) in (f.home, f.away)
    ]
    return sorted(own, reverse=True)


def _team_at(asked: OnDate, entity: str, counting: Sequence[GameRow], day: date) -> str:
    """Return the team of the newest game up to a day; before the first game, the first team;
    without games, the current team.
    """
    if asked.of_teams or not counting:
        return asked.team(entity)
    return next((game for game in counting if game.day <= day), counting[-1]).team


def _known_games(asked: OnDate) -> frozenset[str]:
    """Return the games with rows in Phase 3."""
    source = asked.facts.defenses if asked.of_teams else asked.facts.players
    return frozenset(row.game_id for history in source.values() for row in history.rows)


def _short_dates(asked: OnDate) -> set[date]:
    """Return the dates with fewer rows than their games imply."""
    table = TDGS if asked.of_teams else PGS
    found = load.coverage_of(load_calendar(), opened_season_year(asked.start))
    return {cell.date for cell in found if cell.table == str(table) and cell.is_low}


def coming(asked: OnDate, entity: str, before: Sequence[GameLine]) -> UpcomingGames:
    """Return the upcoming games of the entity's team from the date on."""
    schedule = scheduled_games(asked.start)
    newest = max((f.date for f in schedule if f.is_final), default=asked.day)
    # A game that is not final before later final games was postponed without a new date.
    ahead = [f for f in schedule if f.date >= asked.day and (f.is_final or f.date > newest)]
    team = asked.team(entity)
    since = takewhile(lambda line: line.part is not GameRole.PLAYED, before)
    missed = sum(line.part in MISSED for line in since)
    dates = sorted({f.date for f in ahead if f.date > asked.day})
    return UpcomingGames(
        [f.date for f in ahead if team in (f.home, f.away)], dates, 0 if asked.of_teams else missed
    )
