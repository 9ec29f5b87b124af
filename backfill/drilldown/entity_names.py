"""Names of the players and teams of a season, searchable by a part of the name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from backfill.drilldown.query import ParameterizedQuery
from backfill.season_calendar import load_calendar
from backfill.statements import render
from backfill.warehouse.port import Row
from backfill.warehouse.season_cache import cached_for_season
from backfill.warehouse.tables import INPUTS

MOST = 20


@dataclass(frozen=True, kw_only=True)
class EntityName:
    """Player by `player_lookup` or team by `team_abbr`. `name` is the display name, `team` the
    latest team of a player.
    """

    entity: str
    name: str
    team: str
    is_team: bool = False


def all_names(year: int) -> Mapping[str, EntityName]:
    """Return all players and teams of a season by key, cached per process. Raises WarehouseError."""
    start = load_calendar().starts.get(year)
    return cached_for_season("names", year, INPUTS, lambda: _read(start)) if start else {}


def _read(start: date) -> dict[str, EntityName]:
    def ask(name: str) -> list[Row]:
        return ParameterizedQuery(render(name), {"season_start": start}).ask()

    players = [
        EntityName(entity=r["entity"], name=r["name"] or r["entity"], team=r["team"] or "")
        for r in ask("player-names")
    ]
    teams = [
        EntityName(entity=r["entity"], name=r["entity"], team=r["entity"], is_team=True)
        for r in ask("team-names")
    ]
    return {named.entity: named for named in (*players, *teams)}


def search_entities(year: int, part: str) -> list[EntityName]:
    """Return up to MOST entities with this part in their name or key, names that begin with it
    first; none for an empty part.
    """
    wanted = part.strip().casefold()
    found = [
        named
        for named in all_names(year).values()
        if wanted in named.name.casefold() or wanted in named.entity
    ]
    return sorted(found, key=lambda named: _order(named, wanted))[:MOST] if wanted else []


def _order(named: EntityName, wanted: str) -> tuple[bool, bool, str, str]:
    words = (named.entity, *named.name.split(), named.name)
    return (
        named.entity.casefold() != wanted,
        not any(w.casefold().startswith(wanted) for w in words),
        named.name,
        named.entity,
    )
