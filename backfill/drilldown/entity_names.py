"""Who there is in a season, to be found by a part of a name."""

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


@dataclass(frozen=True)
class EntityName:
    """A player by `player_lookup` or a team by `team_abbr`; `name` is what people call it, `team`
    the newest of a player.
    """

    entity: str
    name: str
    team: str
    is_team: bool = False


def all_names(year: int) -> Mapping[str, EntityName]:
    """Everybody of a season by its key; read once per process. Raises WarehouseError."""
    start = load_calendar().starts.get(year)
    return cached_for_season("names", year, INPUTS, lambda: _read(start)) if start else {}


def _read(start: date) -> dict[str, EntityName]:
    def ask(name: str) -> list[Row]:
        return ParameterizedQuery(render(name), {"season_start": start}).ask()

    players = [
        EntityName(r["entity"], r["name"] or r["entity"], r["team"] or "")
        for r in ask("player-names")
    ]
    teams = [
        EntityName(r["entity"], r["entity"], r["entity"], is_team=True) for r in ask("team-names")
    ]
    return {named.entity: named for named in (*players, *teams)}


def search_entities(year: int, part: str) -> list[EntityName]:
    """Up to MOST entities with this part in their name or key, whose names begin with it first;
    none for no part.
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
