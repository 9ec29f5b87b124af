"""The coverage of a season as the page shows it: a grid of tables × dates, what lacks in words, and
the numbers as tables.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.http import QueryDict
from django.urls import reverse

from backfill.errors import Refused
from backfill.processors.registry import PROCESSORS
from backfill.season_calendar import season_name
from backfill.status.table_coverage import (
    ALL,
    BAD,
    BOOTSTRAP,
    EMPTY,
    LATER,
    LOW_SHARE,
    MISSING,
    NO_GAMES,
    NOT_WRITTEN,
    TWICE,
    CoverageGap,
    TableCoverage,
    TableOnDate,
    season_coverage,
    table_of,
)
from backfill.warehouse import warehouse
from backfill.warehouse.tables import SCHED
from validation.findings.kinds import format_date_ranges
from webapp.ui import links, season_grid, seasons, states
from webapp.ui.query_params import Choice, whole

WRONG = "wrong"
COUNTED = (ALL, *BAD, EMPTY, BOOTSTRAP)
WORDS = {
    MISSING: "has no row", LOW_SHARE: f"has {states.of(LOW_SHARE).word} that must be there",
    NOT_WRITTEN: "is not written", LATER: "is not run yet", TWICE: "holds rows twice",
}  # fmt: skip


@dataclass(frozen=True)
class CoverageRow:
    """One table over a season: how many of its dates are in which state, and between when its rows
    were made.
    """

    name: str
    table: str
    url: str
    dates: int
    counts: dict[str, int]
    oldest: datetime | None
    newest: datetime | None


@dataclass(frozen=True)
class GapRow:
    """One hole in words, with where it leads."""

    state: str
    sentence: str
    names: tuple[str, ...]
    finding: str
    backfill: str


def context(query: QueryDict) -> dict[str, Any]:
    """What the page shows of the season and the table that the query string names. Raises Refused,
    WarehouseError.
    """
    loaded = sorted(warehouse().seasons(SCHED), reverse=True)
    if not loaded:
        return {"seasons": []}
    year = whole(query.get("season"), "season", loaded[0])
    if year not in loaded:
        raise Refused(seasons.not_loaded(year, loaded))
    found, table, show = (
        season_coverage(year),
        _chosen(query.get("table", "")),
        query.get("show", WRONG),
    )
    shown = [held for held in found.tables.get(table, ()) if show != WRONG or held.state in BAD]
    return {
        "year": year,
        "seasons": _seasons(loaded, year),
        "grid": _grid(found),
        "counted": COUNTED,
        "holes": [_told(found, hole) for hole in found.holes],
        "lines": [_line(found, name) for name in found.tables],
        "table": table,
        "about": table_of(table),
        "is_output": table in PROCESSORS,
        "show": show,
        "shows": _shows(year, table, show),
        "held": shown,
        "held_of": len(found.tables.get(table, ())),
    }


def _chosen(name: str) -> str:
    if name and not table_of(name):
        raise Refused(f"{name!r} is no table; choose one from the page")
    return name


def _seasons(loaded: Sequence[int], year: int) -> list[Choice]:
    here = reverse("coverage")
    return [Choice(season_name(y), links.with_query(here, season=y), y == year) for y in loaded]


def _shows(year: int, table: str, show: str) -> list[Choice]:
    choices = ((WRONG, "what lacks"), ("all", "all dates"))
    return [Choice(words, _url(year, table, kind), kind == show) for kind, words in choices]


def _url(year: int, table: str, show: str = "") -> str:
    return f"{links.with_query(reverse('coverage'), season=year, table=table, show=show)}#dates"


# The grid


def _grid(found: TableCoverage) -> season_grid.RenderedGrid:
    cells = {(name, held.date): held for name, row in found.tables.items() for held in row}
    pages = {day.day: reverse("date", args=[day.day]) for day in found.days}

    def cell(name: str, day: date) -> season_grid.GridCell:
        held = cells[name, day]
        return season_grid.GridCell(name, day, held.state, title(held), pages[day])

    return season_grid.draw([day.day for day in found.days], cell, tuple(found.tables))


def title(held: TableOnDate) -> str:
    """A table on a date in one sentence."""
    counts = (
        f": {held.rows:,} rows"
        if held.rows is not None and held.state not in (NO_GAMES, BOOTSTRAP)
        else ""
    )
    failed = f" and {held.failed:,} failures" if held.failed else ""
    of = f" of {held.expected:,.0f}" if counts and held.expected else ""
    reason = f"; {held.reason}" if held.reason else ""
    return f"{held.name}, {held.date}: {states.of(held.state).word}{counts}{failed}{of}{reason}"


# In words, and as a table


def _told(found: TableCoverage, hole: CoverageGap) -> GapRow:
    played = [day.day for day in found.days if day.is_processing]
    on = format_date_ranges(hole.dates, played)
    many = f" ({len(hole.dates)} dates)" if len(hole.dates) > 1 else ""
    backfill = ""
    if hole.codes:
        backfill = links.to_new(
            hole.dates[0], hole.dates[-1], hole.codes, "everything" if hole.state == TWICE else ""
        )
    finding = reverse("finding", args=[hole.finding]) if hole.finding else ""
    return GapRow(hole.state, f"{WORDS[hole.state]} on {on}{many}", hole.names, finding, backfill)


def _line(found: TableCoverage, name: str) -> CoverageRow:
    held, table = found.tables[name], table_of(name)
    counts = Counter(h.state for h in held)
    made = [h.at for h in held if h.at]
    shown = {state: counts[state] for state in COUNTED}
    dates = len(held) - counts[NO_GAMES]
    return CoverageRow(
        name,
        str(table),
        _url(found.year, name),
        dates,
        shown,
        min(made, default=None),
        max(made, default=None),
    )
