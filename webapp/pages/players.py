"""Player and team pages: search, and one entity's season as a grid, summary and table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_safe

from backfill.drilldown.entity_names import search_entities
from backfill.drilldown.entity_season import EntityDay, EntitySeason, season_of
from backfill.errors import Refused
from backfill.processors.registry import PROCESSORS
from backfill.season_calendar import load_calendar, season_name
from validation.categories import BY_NAME
from validation.expectation import ROW
from validation.findings.kinds import pluralize
from validation.season import DateType, Day
from webapp.pages.date.entities import OUTSIDER, entity_url
from webapp.ui import links, season_grid, seasons, states
from webapp.ui.seasons import LoadedSeason, choices
from webapp.ui.typing import HtmxRequest

GAMES = "Games"


@require_safe
def page(request: HtmxRequest) -> HttpResponse:
    """Return the search page, or only its results for htmx."""
    context = find(request.GET, seasons.chosen(request, seasons.choices()))
    template = "players/_results.html" if request.htmx else "players/page.html"
    return render(request, template, context)


@require_safe
def player(request: HtmxRequest, year: str, name: str) -> HttpResponse:
    return render(request, "players/player.html", context(year, name, request.GET))


@dataclass(frozen=True, kw_only=True)
class ProcessorSummary:
    """Season of one processor: first date with a row, and number of dates by state."""

    code: str
    label: str
    first_row: EntityDay | None
    url: str
    counts: Mapping[str, int]
    urls: Mapping[str, str]


def state_of(entity_day: EntityDay) -> str:
    """Return the displayed state of an entity on one (processor, date)."""
    if entity_day.match:
        return str(entity_day.match)
    return "not run" if entity_day.must else OUTSIDER


def title_of(code: str, entity_day: EntityDay) -> str:
    """Return the tooltip of a cell."""
    category = f", {entity_day.state}" if entity_day.state in BY_NAME else ""
    state, day = states.of(state_of(entity_day)), entity_day.day
    games = pluralize(entity_day.games, "game")
    return f"{code}, {day.day}, day {day.index}: {state.label}{category}, after {games}"


def drawn(player: EntitySeason, days: tuple[Day, ...]) -> season_grid.RenderedGrid:
    """Return the grid of dates × processors, with games in the last row."""
    by_key = {(code, cell.day.day): cell for code, row in player.rows.items() for cell in row}
    played, typed = {game.day for game in player.played}, {day.day: day for day in days}

    def cell(code: str, day: date) -> season_grid.GridCell:
        if code == GAMES:
            return _game(day, day in played)
        if typed[day].type is DateType.BOOTSTRAP:
            return season_grid.GridCell(
                processor=code,
                date=day,
                state="bootstrap",
                title=f"{code}, {day}: {typed[day].why_skipped}",
                url=links.to_date(day, code),
            )
        entity_day = by_key[code, day]
        url = entity_url(day, code, player.entity) or links.to_date(day, code)
        return season_grid.GridCell(
            processor=code,
            date=day,
            state=state_of(entity_day),
            title=title_of(code, entity_day),
            url=url,
        )

    return season_grid.draw([day.day for day in days], cell, (*player.rows, GAMES))


def _game(day: date, played: bool) -> season_grid.GridCell:
    state, word = ("played", "played") if played else ("no game", "no game")
    return season_grid.GridCell(
        processor=GAMES, date=day, state=state, title=f"{day}: {word}", url=links.to_date(day)
    )


def summaries(player: EntitySeason) -> list[ProcessorSummary]:
    """Return one summary per processor, in chain order."""
    result = []
    for code, row in player.rows.items():
        first = next((day for day in row if day.state == ROW), None)
        counts = season_grid.in_order(Counter(map(state_of, row)))
        here = links.named("player", player.year, player.entity)
        url = entity_url(first.day.day, code, player.entity) if first else ""
        result.append(
            ProcessorSummary(
                code=code,
                label=PROCESSORS[code].label,
                first_row=first,
                url=url,
                counts=counts,
                urls={
                    state: links.with_query(here, show="table", processor=code, state=state)
                    for state in counts
                },
            )
        )
    return result


@dataclass(frozen=True, kw_only=True)
class PlayerRow:
    """Table row of one date. `games` counts the games before the date; `cells` holds state, stored
    status and URL per processor.
    """

    day: Day
    games: int
    played: bool
    cells: tuple[tuple[str, str, str], ...]


def table(player: EntitySeason, code: str = "", state: str = "") -> list[PlayerRow]:
    """Return the grid as rows, without bootstrap dates; only those in a state of one processor if
    given. Raises Refused.
    """
    if code and code not in player.rows:
        raise Refused(
            f"{code[:40]!r} is no processor of {player.name}; {', '.join(player.rows)} are"
        )
    played = {game.day for game in player.played}
    lines = []
    for row in zip(*player.rows.values(), strict=True):
        day = row[0].day
        if code and state_of(row[list(player.rows).index(code)]) != state:
            continue
        cells = tuple(
            (state_of(f), f.state, entity_url(day.day, c, player.entity))
            for c, f in zip(player.rows, row, strict=True)
        )
        lines.append(PlayerRow(day=day, games=row[0].games, played=day.day in played, cells=cells))
    return lines


def context(year: str, name: str, query: QueryDict) -> dict[str, Any]:
    """Return the template context of one entity's season, as a grid or a table. Raises Http404 for
    an unknown entity, WarehouseError.
    """
    player = _found(year, name)
    code = query.get("processor", "")
    days, as_table = tuple(load_calendar().season(player.year)), query.get("show") == "table"
    return {
        "player": player,
        "season": season_name(player.year),
        "is_team": player.team == player.entity,
        "grid": None if as_table else drawn(player, days),
        "lines": table(player, code, query.get("state", "")) if as_table else [],
        "as_table": as_table,
        "only": f"{code} {states.of(query.get('state', '')).label}" if as_table and code else "",
        "summaries": summaries(player),
        "codes": list(player.rows),
        "first_game": player.played[-1] if player.played else None,
        "last_game": player.played[0] if player.played else None,
    }


def _found(year: str, name: str) -> EntitySeason:
    loaded = load_calendar().starts
    if year not in map(str, loaded):
        raise Http404(seasons.not_loaded(year, loaded))
    try:
        return season_of(int(year), name)
    except Refused as error:
        raise Http404(str(error)) from None


@dataclass(frozen=True, kw_only=True)
class PlayerHit:
    """A player or team in the search results."""

    name: str
    entity: str
    team: str
    is_team: bool
    url: str


def find(query: QueryDict, season: LoadedSeason | None) -> dict[str, Any]:
    """Return the template context of a search by part of a name. Raises WarehouseError."""
    part = query.get("q", "").strip()[:100]
    people = search_entities(season.year, part) if season else []
    hits = [
        PlayerHit(
            name=p.name,
            entity=p.entity,
            team=p.team,
            is_team=p.is_team,
            url=links.named("player", season.year, p.entity),
        )
        for p in people
        if season
    ]
    return {
        "seasons": choices(),
        "season": season,
        "part": part,
        "hits": hits,
    }
