"""What only looks: preflight, validation, the season grid, the runbook's queries, the workers."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, Literal

from django.http import Http404, HttpRequest
from django.utils.timezone import now
from ninja import Router

from backfill import queries
from backfill.audit.validate_dates import validate
from backfill.documents.preflight import check_document
from backfill.plan.options import Options
from backfill.plan.preflight_check import check_range
from backfill.season_calendar import check_loaded, load_calendar
from backfill.status import progress
from backfill.status.season_grid import RunCell, season_grid
from webapp.api.schemas import OptionsIn, options_of

router = Router(tags=["looking"])
Document = dict[str, Any]


@router.post("/preflight", summary="May these dates be backfilled?")
def preflight(request: HttpRequest, given: OptionsIn) -> Document:
    """What blocks, what warns, and what each date has in Phase 3."""
    options = options_of(given)
    return check_document(options, check_range(options))


@router.get("/validate", summary="Are these dates complete?")
def validated(
    request: HttpRequest,
    start: date,
    end: date,
    phase: Literal["3", "4"] = "4",
    verbose: bool = False,
) -> Document:
    """Read from the warehouse: the inputs (3), or what is made from them (4); `verbose` lists the
    entities.
    """
    check_loaded(Options(start, end))
    found = validate(start, end, int(phase))
    complete = all(checked.state.is_right for checked in found)
    return {
        "phase": int(phase),
        "complete": complete,
        "dates": [checked.as_json(verbose=verbose) for checked in found],
    }


@router.get("/seasons/{year}", summary="The season grid")
def season(request: HttpRequest, year: int) -> Document:
    """What stands of every (processor, date), from the database alone."""
    grid = season_grid(year) if year in load_calendar().starts else None
    if grid is None:
        raise Http404(f"season {year} is not loaded; name it by the year in which it begins")
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
        "state": cell.state,
        "population": cell.population,
        "rows": cell.rows,
        "failures": dict(cell.failures),
        "expected": cell.expected,
        "outside": cell.outside,
        "job": cell.job,
        "why": cell.reason,
    }


@router.get("/queries", summary="The runbook's queries")
def names(request: HttpRequest) -> Document:
    """Each with its description."""
    found = [queries.named(name) for name in queries.names()]
    return {"queries": [{"name": query.name, "description": query.description} for query in found]}


@router.get("/queries/{name}", summary="Run a query")
def answer(request: HttpRequest, name: str, start: date, end: date) -> Document:
    """Over the dates from start to end, both included."""
    if name not in queries.names():
        raise Http404(f"there is no query {name!r}; there are {', '.join(queries.names())}")
    query = queries.named(name)
    rows = [
        {column: _number(value) for column, value in row.items()} for row in query.rows(start, end)
    ]
    return {"query": name, "start": start, "end": end, "sql": query.sql, "rows": rows}


def _number(value: object) -> object:
    """NUMERIC as a JSON number; the encoder would make it a text."""
    return float(value) if isinstance(value, Decimal) else value


@router.get("/workers", summary="Who works")
def workers(request: HttpRequest) -> Document:
    """When that was last seen, how old the sweep is, and the cap in all."""
    return progress.system(now())
