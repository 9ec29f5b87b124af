"""Processor statements on rows given in Python: same translation and engine, without files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from itertools import count
from pathlib import Path

import pyarrow as pa

from backfill.processors.registry import PROCESSORS
from backfill.processors.render import render
from backfill.warehouse.parquet.session import ParquetWarehouse
from backfill.warehouse.port import Params
from backfill.warehouse.schema import Column, Table
from backfill.warehouse.tables import TABLES
from tests.oracle import STARTED_AT, Outcome, Row, Tables

BY_SHORT = {t.short: t for t in TABLES}
NOT_COMPARED = ("created_at", "processed_at")
ARROW = {
    "STRING": pa.string(),
    "INT64": pa.int64(),
    "BOOL": pa.bool_(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us"),
    "ARRAY<FLOAT64>": pa.list_(pa.float64()),
    "ARRAY<STRING>": pa.list_(pa.string()),
}


# Of all instances, which share the tables of a version.
VERSIONS = count()


class RowsWarehouse(ParquetWarehouse):
    """Embedded warehouse with tables filled from rows instead of files."""

    def __init__(self) -> None:
        super().__init__(Path("nowhere"), {"threads": 1})
        self._given: Tables = {}
        self._versions = dict.fromkeys(BY_SHORT, next(VERSIONS))
        self._as_given: Tables = {}
        self._attached: dict[str, int] = {}

    def give(self, tables: Tables) -> None:
        """Replace all tables; those with the same rows keep their version."""
        for short in BY_SHORT:
            rows = tables.get(short, [])
            if rows is not self._given.get(short) or rows != self._as_given[short]:
                self._versions[short] = next(VERSIONS)
                self._as_given[short] = [dict(row) for row in rows]
        self._given = dict(tables)

    def outcomes(self, code: str, params: Params) -> list[Row]:
        output = PROCESSORS[code].output
        self.stage("result", render(code), params)
        # A failed entity's values may fit no type; they are not stored.
        stored = ", ".join(
            f"CASE WHEN {is_known} THEN CAST({c.name} AS {c.duckdb_type}) END AS {c.name}"
            for c in output.columns
            for is_known in ["TRUE" if c.name in output.key else "failure_category IS NULL"]
        )
        relation = self._db.sql(
            f"SELECT {stored}, failure_category, failure_reason, can_retry FROM result"
        )
        return [dict(zip(relation.columns, values, strict=True)) for values in relation.fetchall()]

    def _visible(self, table: Table, params: Params) -> list[str]:
        return []

    def _attach(self, table: Table, params: Params, files: list[str]) -> None:
        if self._attached.get(table.short) == self._versions[table.short]:
            return
        self._db.register(
            "given", pa.Table.from_pylist(self._rows(table), schema=_arrow_schema(table))
        )
        self._db.execute(f"CREATE OR REPLACE TABLE {table} AS SELECT * FROM given")
        self._attached[table.short] = self._versions[table.short]

    def _rows(self, table: Table) -> list[Row]:
        return [{n: _flat(v) for n, v in row.items()} for row in self._given.get(table.short, [])]

    def seasons(self, table: Table) -> set[int]:
        return {row["season_year"] for row in self._given.get(table.short, [])}

    def stamp(self, table: Table, season_year: int) -> str:
        return str(self._versions[table.short])


def _flat(value: object) -> object:
    """Return a JSON document as its column's text."""
    return json.dumps(value, default=float) if isinstance(value, dict) else value


def _arrow_type(column: Column) -> pa.DataType:
    if column.scale is not None:
        return pa.decimal128(18, column.scale)
    return ARROW[column.type]


@cache
def _arrow_schema(table: Table) -> pa.Schema:
    return pa.schema([(c.name, _arrow_type(c)) for c in table.columns])


@cache
def _warehouse() -> RowsWarehouse:
    return RowsWarehouse()


def rows_warehouse(tables: Tables) -> RowsWarehouse:
    """Return this process's only warehouse, holding these tables."""
    _warehouse().give(tables)
    return _warehouse()


def run_sql(
    code: str,
    tables: Tables,
    dates: Sequence[date],
    *,
    season_start: date,
    backfill_mode: bool = True,
) -> dict[date, Outcome]:
    """Run a processor's statement for each date, with the same result as the oracle's `run`."""
    warehouse, output = rows_warehouse(tables), PROCESSORS[code].output
    params = {
        "dates": list(dates),
        "season_start": season_start,
        "backfill_mode": backfill_mode,
        "started_at": STARTED_AT,
    }
    found: dict[date, Outcome] = {d: Outcome() for d in dates}
    for row in warehouse.outcomes(code, params):
        outcome, entity = found[row[output.partition]], row[output.entity]
        assert entity not in outcome.rows, f"two rows for {entity}"
        assert entity not in outcome.failures, f"two rows for {entity}"
        if row["failure_category"]:
            outcome.failures[entity] = (
                row["failure_category"],
                row["failure_reason"],
                row["can_retry"],
            )
        else:
            outcome.rows[entity] = _stored(output, row)
    return found


def _stored(table: Table, row: Row) -> Row:
    names = [n for n in table.names if n not in NOT_COMPARED]
    return {
        n: json.loads(row[n], parse_float=Decimal) if n.endswith("_json") else row[n] for n in names
    }
