"""What a warehouse holds, part by part: how many rows, and one hash over all of them, which says
nothing of their order.

A part is what is written as one: a season of an input, a date of an output, a date of one processor
in a log.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from backfill.processors.registry import PROCESSORS
from backfill.statements import render
from backfill.warehouse.port import Warehouse
from backfill.warehouse.schema import Table
from validation.season import FIRST_MONTH, season_year

NAMES = tuple(processor.name for processor in PROCESSORS.values())


@dataclass(frozen=True)
class WarehousePart:
    """What is written as one: `first` is its date, or the first of a season, `name` the processor
    of a log's slice.
    """

    table: Table
    first: date
    name: str = ""

    def __str__(self) -> str:
        of = f"season {self.first.year}" if self.table.kind == "input" else str(self.first)
        return " ".join(filter(None, (str(self.table), of, self.name)))


@dataclass(frozen=True)
class Content:
    """Rows, and one hash over every column of each; floats count to nine decimals."""

    rows: int
    digest: str = ""


EMPTY = Content(0)


def contents(
    warehouse: Warehouse, table: Table, start: date, end: date
) -> dict[WarehousePart, Content]:
    """The parts of a table on these dates, of an input the seasons that they lie in. Raises
    WarehouseError.
    """
    if table.kind == "input":
        years = sorted(
            warehouse.seasons(table) & set(range(season_year(start), season_year(end) + 1))
        )
        return {
            WarehousePart(table, first): season(warehouse, table, first)
            for year in years
            if (first := date(year, FIRST_MONTH, 1))
        }
    names = NAMES if table.kind == "log" else ("",)
    empty = {
        WarehousePart(table, d, n): EMPTY
        for n in names
        for d in warehouse.partitions(table, n)
        if start <= d <= end
    }
    return empty | filled(warehouse, table, start, end)


def season(warehouse: Warehouse, table: Table, first: date) -> Content:
    """What an input holds of the season that begins with this date. Raises WarehouseError."""
    [row] = warehouse.query(render("content-of-season", table=table), {"season_start": first})
    return Content(row["n"], row["content"]) if row["n"] else EMPTY


def filled(
    warehouse: Warehouse, table: Table, start: date, end: date
) -> dict[WarehousePart, Content]:
    """The parts of an output or a log that have rows. Raises WarehouseError."""
    column = "processor_name" if table.kind == "log" else "''"
    sql = render("content-by-date", table=table, slice=column)
    found = warehouse.query(sql, {"start": start, "end": end})
    return {
        WarehousePart(table, r["d"], r["slice"]): Content(r["n"], r["content"])
        for r in found
        if r["slice"] in ("", *NAMES)
    }
