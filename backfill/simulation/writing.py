"""Seasons as Parquet files, exactly typed; the same rows give the same bytes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from backfill.simulation.season import Season
from backfill.warehouse.schema import Column, Table
from backfill.warehouse.tables import INPUTS

ARROW_TYPES = {
    "VARCHAR": pa.string(),
    "BIGINT": pa.int64(),
    "BOOLEAN": pa.bool_(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us"),
}


def arrow_type(column: Column) -> pa.DataType:
    """Type of the column in Arrow."""
    if decimal := re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", column.duckdb_type):
        return pa.decimal128(*map(int, decimal.groups()))
    return ARROW_TYPES[column.duckdb_type]


def arrow_table(table: Table, rows: list[tuple[Any, ...]]) -> pa.Table:
    """Rows as an Arrow table; a value that does not fit its column raises."""
    types = [arrow_type(column) for column in table.columns]
    columns = list(zip(*rows, strict=True)) or [()] * len(types)
    arrays = [pa.array(values, kind) for values, kind in zip(columns, types, strict=True)]
    return pa.Table.from_arrays(arrays, names=list(table.names))


def write(season: Season, folder: Path) -> None:
    """Write a file for each table that the season holds: `<folder>/<dataset>/<table>.parquet`. Raises OSError."""
    for table in INPUTS:
        if table.short in season.tables:
            (folder / table.dataset).mkdir(parents=True, exist_ok=True)
            pq.write_table(arrow_table(table, season.tables[table.short]), folder / table.dataset / f"{table.name}.parquet")
