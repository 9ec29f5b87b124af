"""One entity over a season as its page shows it: a grid of dates, what became of it in sum, and the
same as a table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.http import Http404, QueryDict

from backfill.drilldown.entity_names import search_entities
from backfill.drilldown.entity_season import EntityDay, EntitySeason, season_of
from backfill.errors import Refused
from backfill.processors.registry import PROCESSORS
from backfill.season_calendar import load_calendar, season_name
from validation.categories import BY_NAME
from validation.expectation import ROW
from validation.season import DateType, Day
from webapp.pages.date.entities import OUTSIDER, entity_url
from webapp.ui import links, season_grid, seasons, states
from webapp.ui.seasons import LoadedSeason, choices

GAMES = "Games"


@dataclass(frozen=True)
class ProcessorSummary:
    """One processor over the season: the first date with a row, and on how many dates it is in
    which state.
    """

    code: str
    label: str
    first_row: EntityDay | None
    url: str
    counts: Mapping[str, int]


def state_of(found: EntityDay) -> str:
    """How one (processor, date) of an entity is shown."""
    if found.match:
        return str(found.match)
    return "not run" if found.must else OUTSIDER


def title_of(name: str, code: str, found: EntityDay) -> str:
    """The same in one sentence."""
    what = f", {found.state}" if found.state in BY_NAME else ""
    return f"{code}, {found.day.day}, day {found.day.index}: {states.of(state_of(found)).word}{what}; {found.games} games before"


def drawn(player: EntitySeason, days: tuple[Day, ...]) -> season_grid.RenderedGrid:
    """Dates × processors, below them the games that it played."""
    by_key = {(code, found.day.day): found for code, row in player.rows.items() for found in row}
    played, typed = {game.day for game in player.played}, {day.day: day for day in days}

    def cell(code: str, day: date) -> season_grid.GridCell:
        if code == GAMES:
            return _game(day, day in played)
        if typed[day].type is DateType.BOOTSTRAP:
            return season_grid.GridCell(
                code,
                day,
                "bootstrap",
                f"{code}, {day}: {typed[day].why_skipped}",
                links.to_date(day, code),
            )
        found = by_key[code, day]
        url = entity_url(day, code, player.entity) or links.to_date(day, code)
        return season_grid.GridCell(
            code, day, state_of(found), title_of(player.name, code, found), url
        )

    return season_grid.draw([day.day for day in days], cell, (*player.rows, GAMES))


def _game(day: date, played: bool) -> season_grid.GridCell:
    state, word = ("played", "played") if played else ("no game", "no game that counts")
    return season_grid.GridCell(GAMES, day, state, f"{day}: {word}", links.to_date(day))


def summaries(player: EntitySeason) -> list[ProcessorSummary]:
    """Of every processor that is about it, in chain order."""
    found = []
    for code, row in player.rows.items():
        first = next((day for day in row if day.state == ROW), None)
        url = entity_url(first.day.day, code, player.entity) if first else ""
        found.append(
            ProcessorSummary(
                code,
                PROCESSORS[code].label,
                first,
                url,
                season_grid.in_order(Counter(map(state_of, row))),
            )
        )
    return found


@dataclass(frozen=True)
class PlayerRow:
    """One date of the table: how many games count before it, whether it played, and of each
    processor state and story.
    """

    day: Day
    games: int
    played: bool
    cells: tuple[tuple[str, str, str], ...]


def table(player: EntitySeason) -> list[PlayerRow]:
    """The grid as rows, without bootstrap."""
    played = {game.day for game in player.played}
    lines = []
    for found in zip(*player.rows.values(), strict=True):
        day = found[0].day
        cells = tuple(
            (state_of(f), f.state, entity_url(day.day, c, player.entity))
            for c, f in zip(player.rows, found, strict=True)
        )
        lines.append(PlayerRow(day, found[0].games, day.day in played, cells))
    return lines


def context(year: str, name: str, query: QueryDict) -> dict[str, Any]:
    """One entity over a season, as a grid or as a table. Raises Http404 for nobody, WarehouseError."""
    player = _found(year, name)
    days, as_table = tuple(load_calendar().season(player.year)), query.get("show") == "table"
    return {
        "player": player,
        "season": season_name(player.year),
        "is_team": player.team == player.entity,
        "grid": None if as_table else drawn(player, days),
        "lines": table(player) if as_table else [],
        "summaries": summaries(player),
        "codes": list(player.rows),
        "first_game": player.played[-1] if player.played else None,
        "last_game": player.played[0] if player.played else None,
    }


def _found(year: str, name: str) -> EntitySeason:
    loaded = load_calendar().starts
    if not (year.isascii() and year.isdigit() and int(year) in loaded):
        raise Http404(seasons.not_loaded(year, loaded))
    try:
        return season_of(int(year), name)
    except Refused as error:
        raise Http404(str(error)) from None


# Search


@dataclass(frozen=True)
class PlayerHit:
    """Somebody who was found."""

    name: str
    entity: str
    team: str
    is_team: bool
    url: str


def found(query: QueryDict, season: LoadedSeason | None) -> dict[str, Any]:
    """Who is found of a part of a name. Raises WarehouseError."""
    part = query.get("q", "").strip()[:100]
    people = search_entities(season.year, part) if season else []
    hits = [
        PlayerHit(p.name, p.entity, p.team, p.is_team, links.named("player", season.year, p.entity))
        for p in people
        if season
    ]
    return {"seasons": choices(), "season": season, "part": part, "hits": hits}
