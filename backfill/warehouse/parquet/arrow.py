"""Parquet files with exactly the schema's columns and types, as `Warehouse.load` requires."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from backfill.warehouse.schema import Column, Table

TYPES = {
    "VARCHAR": pa.string(),
    "BIGINT": pa.int64(),
    "BOOLEAN": pa.bool_(),
    "DOUBLE": pa.float64(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us"),
}


def arrow_type(column: Column) -> pa.DataType:
    """Return the Arrow type of a column."""
    kind, is_array = column.duckdb_type.removesuffix("[]"), column.duckdb_type.endswith("[]")
    if decimal := re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", kind):
        return pa.decimal128(*map(int, decimal.groups()))
    return pa.list_(TYPES[kind]) if is_array else TYPES[kind]


def arrow_table(table: Table, rows: Sequence[Sequence[Any]]) -> pa.Table:
    """Return rows as an Arrow table; raises if a value does not fit its column."""
    types = [arrow_type(column) for column in table.columns]
    columns = list(zip(*rows, strict=True)) or [()] * len(types)
    arrays = [pa.array(values, kind) for values, kind in zip(columns, types, strict=True)]
    return pa.Table.from_arrays(arrays, names=list(table.names))


def write_parquet(file: Path, table: Table, rows: Sequence[Sequence[Any]]) -> None:
    pq.write_table(arrow_table(table, rows), file)
