"""What a warehouse holds, part by part: how many rows, and one hash over all of them, which says nothing of their order.

A part is what is written as one: a season of an input, a date of an output, a date of one processor in a log.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from backfill.processors import PROCESSORS
from backfill.warehouse.base import Warehouse
from backfill.warehouse.schema import Column, Table
from validation.season import FIRST_MONTH, season_year

NAMES = tuple(processor.name for processor in PROCESSORS.values())

IN_SEASON = "game_date >= @season_start AND game_date < DATE_ADD(@season_start, INTERVAL 1 YEAR)"
HASHED = "TO_HEX(SHA256(STRING_AGG(digest, '' ORDER BY digest))) AS content"
BY_DATE = f"""
SELECT d, slice, COUNT(*) AS n, {HASHED}
FROM (
  SELECT {{partition}} AS d, {{slice}} AS slice, {{digest}} AS digest FROM {{table}} WHERE {{partition}} BETWEEN @start AND @end
)
GROUP BY d, slice
"""
OF_SEASON = f"""
SELECT COUNT(*) AS n, {HASHED}
FROM (
  SELECT {{digest}} AS digest FROM {{table}} WHERE {IN_SEASON}
)
"""


@dataclass(frozen=True)
class Part:
    """What is written as one: `first` is its date, or the first of a season, `name` the processor of a log's slice."""

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


def contents(warehouse: Warehouse, table: Table, start: date, end: date) -> dict[Part, Content]:
    """The parts of a table on these dates, of an input the seasons that they lie in. Raises WarehouseError."""
    if table.kind == "input":
        years = sorted(warehouse.seasons(table) & set(range(season_year(start), season_year(end) + 1)))
        return {Part(table, first): season(warehouse, table, first) for year in years if (first := date(year, FIRST_MONTH, 1))}
    names = NAMES if table.kind == "log" else ("",)
    empty = {Part(table, d, n): EMPTY for n in names for d in warehouse.partitions(table, n) if start <= d <= end}
    return empty | filled(warehouse, table, start, end)


def season(warehouse: Warehouse, table: Table, first: date) -> Content:
    """What an input holds of the season that begins with this date. Raises WarehouseError."""
    [row] = warehouse.query(OF_SEASON.format(table=table, digest=digest(table)), {"season_start": first})
    return Content(row["n"], row["content"]) if row["n"] else EMPTY


def filled(warehouse: Warehouse, table: Table, start: date, end: date) -> dict[Part, Content]:
    """The parts of an output or a log that have rows. Raises WarehouseError."""
    column = "processor_name" if table.kind == "log" else "''"
    sql = BY_DATE.format(table=table, partition=table.partition, slice=column, digest=digest(table))
    found = warehouse.query(sql, {"start": start, "end": end})
    return {Part(table, r["d"], r["slice"]): Content(r["n"], r["content"]) for r in found if r["slice"] in ("", *NAMES)}


def digest(table: Table) -> str:
    """GoogleSQL that hashes one row: the values of its columns, each behind a sign that it is not NULL."""
    values = ",\n    ".join(f"IFNULL('=' || {_text(c)}, '')" for c in table.columns)
    return f"TO_HEX(SHA256(ARRAY_TO_STRING([\n    {values}\n  ], '|')))"


def _text(column: Column) -> str:
    """The value as text that is the same on every warehouse."""
    name = column.name
    if column.type == "ARRAY<FLOAT64>":
        each = f"SELECT FORMAT('%.9f', CAST(x AS NUMERIC)) FROM UNNEST({name}) AS x WITH OFFSET AS o ORDER BY o"
        return f"ARRAY_TO_STRING(ARRAY({each}), ',')"
    if column.type == "ARRAY<STRING>":
        return f"ARRAY_TO_STRING({name}, ',')"
    if column.type == "TIMESTAMP":
        return f"CAST(UNIX_MICROS({name}) AS STRING)"
    if column.scale is not None:
        return f"FORMAT('%.{column.scale}f', {name})"
    return name if column.type == "STRING" else f"CAST({name} AS STRING)"
