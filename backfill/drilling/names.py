"""Who there is in a season, to be found by a part of a name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from backfill import coverage
from backfill.drilling.asking import Question
from backfill.judging.reading import IN_SEASON
from backfill.warehouse.remembered import remembered
from backfill.warehouse.tables import INPUTS, PGS, TDGS, UPGC

MOST = 20
# A player who has not played stands in the context rows alone, which have no name to display.
NAMES = f"""
SELECT entity, MAX(name) AS name, ARRAY_AGG(team ORDER BY game_date DESC, team)[SAFE_OFFSET(0)] AS team
FROM (
  SELECT player_lookup AS entity, player_full_name AS name, team_abbr AS team, game_date FROM {PGS} WHERE {IN_SEASON}
  UNION ALL
  SELECT player_lookup, NULL, team_abbr, game_date FROM {UPGC} WHERE {IN_SEASON}
)
GROUP BY entity
"""
TEAMS = f"SELECT DISTINCT defending_team_abbr AS entity FROM {TDGS} WHERE {IN_SEASON}"


@dataclass(frozen=True)
class Named:
    """A player by `player_lookup` or a team by `team_abbr`; `name` is what people call it, `team` the newest of a player."""

    entity: str
    name: str
    team: str
    is_team: bool = False


def everybody(year: int) -> Mapping[str, Named]:
    """Everybody of a season by its key; read once per process. Raises WarehouseError."""
    start = coverage.calendar().starts.get(year)
    return remembered("names", year, INPUTS, lambda: _read(start)) if start else {}


def _read(start: date) -> dict[str, Named]:
    params = {"season_start": start}
    players = [Named(r["entity"], r["name"] or r["entity"], r["team"] or "") for r in Question(NAMES, params).ask()]
    teams = [Named(r["entity"], r["entity"], r["entity"], is_team=True) for r in Question(TEAMS, params).ask()]
    return {named.entity: named for named in (*players, *teams)}


def search(year: int, part: str) -> list[Named]:
    """Up to MOST entities with this part in their name or key, whose names begin with it first; none for no part."""
    wanted = part.strip().casefold()
    found = [named for named in everybody(year).values() if wanted in named.name.casefold() or wanted in named.entity]
    return sorted(found, key=lambda named: _order(named, wanted))[:MOST] if wanted else []


def _order(named: Named, wanted: str) -> tuple[bool, bool, str, str]:
    words = (named.entity, *named.name.split(), named.name)
    return named.entity.casefold() != wanted, not any(w.casefold().startswith(wanted) for w in words), named.name, named.entity
