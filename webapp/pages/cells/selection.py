"""Cells that a user selected in a grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from django.http import QueryDict
from django.urls import reverse

from backfill.errors import Refused
from backfill.models import Key
from backfill.plan.cells import format_cells, packed_cells, parse_cells
from backfill.processors.registry import CHAIN
from backfill.season_calendar import load_calendar
from backfill.status.season_grid import Grid, RunCell, season_grid
from validation.findings.kinds import format_date_ranges, pluralize
from webapp.pages.new_backfill.link import is_long
from webapp.ui.links import with_query


@dataclass(frozen=True)
class CellSelection:
    """Selected (processor, date), by date and in chain order."""

    keys: tuple[Key, ...]

    @classmethod
    def of(cls, query: QueryDict) -> CellSelection:
        """Read the parameter `cells`. Raises Refused."""
        if keys := parse_cells(query.get("cells", "")):
            return cls(keys)
        raise Refused("no cells selected; select cells in a grid")

    @property
    def dates(self) -> list[date]:
        """Selected dates in order."""
        return sorted({day for _, day in self.keys})

    @property
    def codes(self) -> list[str]:
        """Selected processors in chain order."""
        return [code for code in CHAIN if any(of == code for of, _ in self.keys)]

    @property
    def sentence(self) -> str:
        """Number of cells, dates and processors: `24 cells: 12 dates × PSZA, PDC`."""
        dates, codes = self.dates, self.codes
        sign = " ×" if len(self.keys) == len(dates) * len(codes) else ","
        words = f"{pluralize(len(dates), 'date')}{sign} {', '.join(codes)}"
        return f"{pluralize(len(self.keys), 'cell')}: {words}"

    @property
    def spans(self) -> str:
        """Selected dates as ranges."""
        return format_date_ranges(self.dates)

    def to(self, name: str, *args: object, **query: object) -> str:
        """Return the URL of a page for exactly these cells."""
        url = with_query(reverse(name, args=args), cells=format_cells(self.keys), **query)
        if not is_long(url):
            return url
        return with_query(reverse(name, args=args), cells=packed_cells(self.keys), **query)

    @cached_property
    def grids(self) -> list[Grid]:
        """Grids of the seasons of these cells. Raises WarehouseError."""
        year_of = load_calendar().season_year
        return [season_grid(year) for year in sorted({year_of(day) for day in self.dates})]

    @cached_property
    def cells(self) -> Mapping[Key, RunCell]:
        """State of the selected cells; cells without games are left out."""
        known = {key: cell for grid in self.grids for key, cell in grid.cells.items()}
        return {key: known[key] for key in self.keys if key in known}
