"""Content of a warehouse part by part: row count, and one order-independent hash over all rows.

A part is the unit of a write: a season of an input, a date of an output, a date of one processor in
a log.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from backfill.processors.registry import BY_NAME
from backfill.statements import render
from backfill.warehouse.port import Warehouse
from backfill.warehouse.schema import Table
from validation.season import FIRST_MONTH, SeasonDates


@dataclass(frozen=True)
class WarehousePart:
    """Unit of a write: `first` is its date, or the usual first of a season, `name` the processor of
    a log's slice.
    """

    table: Table
    first: date
    name: str = ""

    def __str__(self) -> str:
        of = f"season {self.first.year}" if self.table.kind == "input" else str(self.first)
        return " ".join(filter(None, (str(self.table), of, self.name)))


@dataclass(frozen=True)
class Content:
    """Row count, and one hash over every column of each row; floats count to nine decimals."""

    rows: int
    digest: str = ""


EMPTY = Content(0)


def contents(
    warehouse: Warehouse, table: Table, start: date, end: date
) -> dict[WarehousePart, Content]:
    """Return the parts of a table on these dates; of an input, of their seasons. Raises
    WarehouseError.
    """
    if table.kind == "input":
        of = _season_dates(warehouse).year_of
        years = sorted(warehouse.seasons(table) & set(range(of(start), of(end) + 1)))
        return {
            WarehousePart(table, first): season(warehouse, table, first)
            for year in years
            if (first := date(year, FIRST_MONTH, 1))
        }
    names = tuple(BY_NAME) if table.kind == "log" else ("",)
    empty = {
        WarehousePart(table, d, n): EMPTY
        for n in names
        for d in warehouse.partitions(table, n)
        if start <= d <= end
    }
    return empty | filled(warehouse, table, start, end)


def _season_dates(warehouse: Warehouse) -> SeasonDates:
    rows = warehouse.query(render("season-dates"))
    return SeasonDates(spans={row["year"]: (row["first"], row["last"]) for row in rows})


def season(warehouse: Warehouse, table: Table, first: date) -> Content:
    """Return the content of an input for the season of this first date. Raises WarehouseError."""
    [row] = warehouse.query(render("content-of-season", table=table), {"season_start": first})
    return Content(row["n"], row["content"]) if row["n"] else EMPTY


def filled(
    warehouse: Warehouse, table: Table, start: date, end: date
) -> dict[WarehousePart, Content]:
    """Return the parts of an output or a log that have rows. Raises WarehouseError."""
    column = "processor_name" if table.kind == "log" else "''"
    sql = render("content-by-date", table=table, slice=column)
    found = warehouse.query(sql, {"start": start, "end": end})
    return {
        WarehousePart(table, r["d"], r["slice"]): Content(r["n"], r["content"])
        for r in found
        if r["slice"] in ("", *BY_NAME)
    }
