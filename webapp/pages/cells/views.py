"""Selected cells: the bar with their actions, their validation and their reasons."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_safe

from backfill.audit.validate_dates import DateValidation, validate
from backfill.models import Finding
from backfill.status.season_grid import RunCell
from validation.findings.kinds import ranges
from webapp.pages.cells.actions import actions, shell_command
from webapp.pages.cells.selection import CellSelection
from webapp.ui import season_grid
from webapp.ui.tables import page_size, paginate
from webapp.ui.typing import HtmxRequest


@require_http_methods(["GET", "HEAD", "POST"])
def bar(request: HtmxRequest) -> HttpResponse:
    """Show the actions on the selected cells. Read-only; by POST because a selection can be long."""
    selected = CellSelection.of(request.POST if request.method == "POST" else request.GET)
    context = {
        "selected": selected,
        "actions": actions(selected, request.user),
        "command": shell_command(selected) if request.user.may_operate else "",
    }
    return render(request, "cells/_bar.html" if request.htmx else "cells/bar.html", context)


@require_safe
def why(request: HtmxRequest) -> HttpResponse:
    """List the selected cells with their state, failures and findings, the most severe first."""
    selected = CellSelection.of(request.GET)
    order = [*season_grid.in_order(dict.fromkeys((c.state for c in selected.cells.values()), 1))]
    cells = sorted(
        selected.cells.values(),
        key=lambda cell: (-SEVERITY.get(cell.state, 0), order.index(cell.state), cell.date),
    )
    page = paginate(cells, page_size(request.GET), request.GET.get("page"))
    findings = _findings(selected)
    rows = [(cell, [f for f in findings if _is_about(f, cell)]) for cell in page.object_list]
    return render(request, "cells/why.html", _context(selected, page, rows=rows))


# States that need attention come first.
SEVERITY = {
    "bug": 5,
    "failed": 5,
    "output lost": 5,
    "outside": 4,
    "blocked": 3,
    "outdated": 2,
    "hole": 2,
    "cancelled": 2,
}


def _findings(selected: CellSelection) -> list[Finding]:
    years = [grid.year for grid in selected.grids]
    return list(Finding.objects.filter(season__in=years).listed())


def _is_about(finding: Finding, cell: RunCell) -> bool:
    codes = finding.processors
    return str(cell.date) in finding.dates and (not codes or cell.processor in codes)


@require_safe
def validation(request: HtmxRequest) -> HttpResponse:
    """Validate the selected cells against the warehouse."""
    selected = CellSelection.of(request.GET)
    page = paginate(selected.keys, page_size(request.GET), request.GET.get("page"))
    keys = set(page.object_list)
    dates = sorted({day for _, day in keys})
    found: list[DateValidation] = []
    for stretch in ranges(dates):
        found += [v for v in validate(stretch[0], stretch[-1], 4) if _is_selected(v, keys)]
    return render(request, "cells/validation.html", _context(selected, page, validations=found))


def _is_selected(found: DateValidation, keys: set[Any]) -> bool:
    """Return whether this is the result of a selected cell; a bootstrap date has one for all."""
    return not found.name or (found.name, found.day.day) in keys


def _context(selected: CellSelection, page: Any, **more: Any) -> dict[str, Any]:
    return {"selected": selected, "page": page, **more}
