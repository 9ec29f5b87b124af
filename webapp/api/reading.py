"""Read-only operations: preflight, validation, season grid, runbook queries and workers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

from django.http import Http404, HttpRequest
from django.utils.timezone import now
from ninja import Router

from backfill import queries
from backfill.audit.validate_dates import validate
from backfill.documents.preflight import check_document
from backfill.plan.options import Options
from backfill.plan.preflight import check_range
from backfill.season_calendar import check_loaded, load_calendar
from backfill.status import progress
from backfill.status.season_grid import RunCell, season_grid
from webapp.api.body import Day
from webapp.api.schemas import OptionsIn, options_of
from webapp.ui import states

router = Router(tags=["status"])
Document = dict[str, Any]


@router.post("/preflight", summary="Run the preflight")
def preflight(request: HttpRequest, given: OptionsIn) -> Document:
    """Return blockers, warnings and the Phase 3 data of each date."""
    options = options_of(given)
    return check_document(options, check_range(options))


@router.get("/validate", summary="Validate dates")
def validated(
    request: HttpRequest,
    start: Day,
    end: Day,
    phase: Literal["3", "4"] = "4",
    verbose: bool = False,
) -> Document:
    """Validate the stored inputs (phase 3) or outputs (phase 4); `verbose` lists entities."""
    check_loaded(Options(start=start, end=end))
    found = validate(start, end, int(phase))
    complete = all(checked.state.is_right for checked in found)
    return {
        "phase": int(phase),
        "complete": complete,
        "dates": [checked.as_json(verbose=verbose) for checked in found],
    }


@router.get("/seasons/{year}", summary="Get the season grid")
def season(request: HttpRequest, year: int) -> Document:
    """Return the latest decisive run of every processor and date."""
    grid = season_grid(year) if year in load_calendar().starts else None
    if grid is None:
        raise Http404(f"season {year} is not loaded; use the year in which the season begins")
    days = [
        {"date": day.day, "day": day.index, "week": day.week, "type": day.type, "games": day.games}
        for day in grid.days
    ]
    return {
        "season": grid.year,
        "days": days,
        "cells": {code: [_cell(c) for c in row] for code, row in grid.rows.items()},
    }


def _cell(cell: RunCell) -> Document:
    return {
        "date": cell.date,
        "state": "complete" if cell.state == "clean" else cell.state,
        "word": states.of(cell.state).label,
        "population": cell.population,
        "rows": cell.rows,
        "failures": dict(cell.failures),
        "expected": cell.expected,
        "outside": cell.outside,
        "job": cell.job,
        "why": cell.reason,
    }


@router.get("/queries", summary="List the runbook queries")
def names(request: HttpRequest) -> Document:
    """Return the name and description of each query."""
    found = [queries.named(name) for name in queries.names()]
    return {"queries": [{"name": query.name, "description": query.description} for query in found]}


@router.get("/queries/{name}", summary="Run a runbook query")
def answer(request: HttpRequest, name: str, start: Day, end: Day) -> Document:
    """Run a query over the dates from `start` to `end`, both included."""
    if name not in queries.names():
        raise Http404(f"query {name!r} does not exist; choose from {', '.join(queries.names())}")
    query = queries.named(name)
    rows = [
        {column: _number(value) for column, value in row.items()} for row in query.rows(start, end)
    ]
    return {"query": name, "start": start, "end": end, "sql": query.sql, "rows": rows}


def _number(value: object) -> object:
    """Return NUMERIC as a JSON number; the encoder would write a string."""
    return float(value) if isinstance(value, Decimal) else value


@router.get("/workers", summary="List the workers")
def workers(request: HttpRequest) -> Document:
    """Return the heartbeats, the age of the sweep and the concurrency limit."""
    return progress.system(now())
