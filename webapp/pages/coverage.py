"""Coverage page: grid of tables × dates, gaps, and the dates of each table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from backfill.errors import Refused
from backfill.processors.registry import PROCESSORS
from backfill.season_calendar import season_name
from backfill.status.table_coverage import (
    ALL,
    ALL_FAILED,
    BOOTSTRAP,
    EMPTY,
    GAPS,
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
from validation.coverage import LOW
from validation.findings.kinds import format_date_ranges, pluralize
from validation.thresholds import percent
from webapp.ui import links, season_grid, seasons, states
from webapp.ui.query_params import Choice, one_of, whole
from webapp.ui.tables import ListColumn
from webapp.ui.typing import HtmxRequest

WRONG, EVERY = "wrong", "all"
COUNTED = (ALL, ALL_FAILED, *GAPS, EMPTY, BOOTSTRAP)
# Column headings of the states whose badge is too long for one.
SHORT = {
    MISSING: "No rows",
    LOW_SHARE: f"Under {percent(LOW)}",
    NOT_WRITTEN: "Not written",
    TWICE: "Duplicates",
    EMPTY: "No entities",
    ALL_FAILED: "All failed",
    BOOTSTRAP: "Bootstrap",
}


@require_safe
def page(request: HtmxRequest) -> HttpResponse:
    return render(request, "coverage/page.html", context(request.GET))


@dataclass(frozen=True, kw_only=True)
class CoverageRow:
    """Table over a season: number of dates by state, and the times of its oldest and newest row."""

    name: str
    table: str
    url: str
    dates: int
    counts: dict[str, int]
    urls: dict[str, str]
    oldest: datetime | None
    newest: datetime | None


@dataclass(frozen=True, kw_only=True)
class GapRow:
    """Gap with the URLs of its finding and of its backfill, each empty if there is none."""

    state: str
    dates: str
    names: tuple[str, ...]
    finding: str
    backfill: str
    job: int | None


def context(query: QueryDict) -> dict[str, Any]:
    """Return the season and table that the query string selects. Raises Refused, WarehouseError."""
    loaded = sorted(warehouse().seasons(SCHED), reverse=True)
    if not loaded:
        return {"seasons": []}
    year = whole(query.get("season"), "season", loaded[0])
    if year not in loaded:
        raise Refused(seasons.not_loaded(year, loaded))
    found, table = season_coverage(year), _chosen(query.get("table", ""))
    show = one_of(query.get("show") or WRONG, "state", (WRONG, EVERY, *COUNTED))
    is_output = table in PROCESSORS
    on_dates = found.tables.get(table, ())
    lines = [_coverage_row(found, name) for name in found.tables]
    counted = [state for state in COUNTED if any(line.counts[state] for line in lines)]
    return {
        "year": year,
        "stale": seasons.stale_notices([year]),
        "seasons": _seasons(loaded, year),
        "grid": _grid(found),
        "counted": counted,
        "headings": [_heading(state) for state in counted],
        "gaps": [_gap_row(found, gap) for gap in found.holes],
        "lines": lines,
        "table": table,
        "about": table_of(table),
        "is_output": is_output,
        "date_columns": [
            *("Date", "State", "#Rows", *(["#Failures"] if is_output else [])),
            *("#Expected", "#Share", "#Duplicates", "Written" if is_output else "Newest row"),
            "Reason",
        ],
        "show": show,
        "shows": _shows(year, table, show),
        "shown": [
            replace(row, reason=reason_of(row))
            for row in on_dates
            if show in (row.state, EVERY) or (show == WRONG and row.state in GAPS)
        ],
        "dates": len(on_dates),
    }


def _heading(state: str) -> ListColumn:
    words = SHORT.get(state) or states.of(state).label.capitalize()
    return ListColumn(heading=words, numeric=True, hint=states.of(state).label)


def _chosen(name: str) -> str:
    if name and not table_of(name):
        raise Refused(f"{name!r} is no table; select one on the page")
    return name


def _seasons(loaded: Sequence[int], year: int) -> list[Choice]:
    here = reverse("coverage")
    return [Choice(season_name(y), links.with_query(here, season=y), y == year) for y in loaded]


def _shows(year: int, table: str, show: str) -> list[Choice]:
    choices = ((WRONG, "Gaps"), (EVERY, "All dates"))
    return [Choice(words, _url(year, table, kind), kind == show) for kind, words in choices]


def _url(year: int, table: str, show: str = "") -> str:
    return f"{links.with_query(reverse('coverage'), season=year, table=table, show=show)}#dates"


# The grid


def _grid(found: TableCoverage) -> season_grid.RenderedGrid:
    cells = {(name, cell.date): cell for name, row in found.tables.items() for cell in row}
    pages = {day.day: reverse("date", args=[day.day]) for day in found.days}

    def cell(name: str, day: date) -> season_grid.GridCell:
        found = cells[name, day]
        return season_grid.GridCell(
            processor=name,
            date=day,
            state=found.state,
            title=title(found),
            url=links.to_run(found.run) if found.run else pages[day],
        )

    return season_grid.draw([day.day for day in found.days], cell, tuple(found.tables))


def title(cell: TableOnDate) -> str:
    """Return the tooltip of a cell: table, date, state, counts and reason."""
    has_counts = cell.rows is not None and cell.state not in (NO_GAMES, BOOTSTRAP)
    counts = f": {pluralize(cell.rows or 0, 'row')}" if has_counts else ""
    failed = f" and {pluralize(cell.failed, 'failure')}" if cell.failed else ""
    of = f" of {cell.expected:,.0f}" if counts and cell.expected else ""
    reason = f"; {text}" if (text := reason_of(cell)) else ""
    return f"{cell.name}, {cell.date}: {states.of(cell.state).label}{counts}{failed}{of}{reason}"


def reason_of(cell: TableOnDate) -> str:
    """Return the reason without the table, date and state that its row shows."""
    if not cell.reason.startswith(f"{cell.name}, {cell.date}"):
        return cell.reason.removeprefix(f"{cell.date}: {table_of(cell.name)} has ")
    _, _, text = cell.reason.partition(": ")
    return text.removeprefix(states.of(cell.state).label).removeprefix("; ")


# Gaps and tables


def _gap_row(found: TableCoverage, gap: CoverageGap) -> GapRow:
    played = [day.day for day in found.days if day.is_processing]
    count = f" ({len(gap.dates)} dates)" if len(gap.dates) > 1 else ""
    backfill = ""
    if gap.codes and not gap.job:
        policy = "everything" if gap.state == TWICE else ""
        backfill = links.to_new(gap.dates[0], gap.dates[-1], gap.codes, policy)
    return GapRow(
        state=gap.state,
        dates=f"{format_date_ranges(gap.dates, played)}{count}",
        names=gap.names,
        finding=reverse("finding", args=[gap.finding]) if gap.finding else "",
        backfill=backfill,
        job=gap.job,
    )


def _coverage_row(found: TableCoverage, name: str) -> CoverageRow:
    cells = found.tables[name]
    counts = Counter(cell.state for cell in cells)
    times = [cell.at for cell in cells if cell.at]
    return CoverageRow(
        name=name,
        table=str(table_of(name)),
        url=_url(found.year, name),
        dates=len(cells) - counts[NO_GAMES],
        counts={state: counts[state] for state in COUNTED},
        urls={state: _url(found.year, name, state) for state in (EVERY, *COUNTED)},
        oldest=min(times, default=None),
        newest=max(times, default=None),
    )
