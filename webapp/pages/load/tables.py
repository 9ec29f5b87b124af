"""State of the Phase 3 tables of a season: rows, coverage and freshness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.urls import reverse

from backfill.status.table_coverage import GAPS, TableOnDate, season_coverage, table_of
from backfill.warehouse.tables import INPUTS
from validation.findings.kinds import format_date_ranges
from webapp.ui import links


@dataclass(frozen=True, kw_only=True)
class TableState:
    """Phase 3 table of a season. `newest` is its latest write, `gaps` are its incomplete dates."""

    name: str
    table: str
    url: str
    rows: int
    dates: int
    last: date | None
    gaps: str
    newest: datetime | None


def of_season(year: int) -> list[TableState]:
    """Return the tables that coverage counts. Raises WarehouseError."""
    found = season_coverage(year).tables
    inputs = [table.short for table in INPUTS if table.short in found]
    return [_state(year, name, found[name]) for name in inputs]


def _state(year: int, name: str, cells: Sequence[TableOnDate]) -> TableState:
    filled = [cell for cell in cells if cell.rows]
    gaps = [cell.date for cell in cells if cell.state in GAPS]
    return TableState(
        name=name,
        table=str(table_of(name)),
        url=f"{links.with_query(reverse('coverage'), season=year, table=name)}#dates",
        rows=sum(cell.rows or 0 for cell in filled),
        dates=len(filled),
        last=max((cell.date for cell in filled), default=None),
        gaps=format_date_ranges(gaps),
        newest=max((cell.at for cell in cells if cell.at), default=None),
    )
