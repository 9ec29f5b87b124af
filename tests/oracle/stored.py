"""Stored rows: every column at its scale, provenance, hash."""

from __future__ import annotations

import hashlib
from datetime import date
from decimal import Decimal
from typing import Any

from backfill.warehouse.schema import Column
from tests.oracle.numbers import fix
from tests.oracle.outcome import TABLES, Row, Rows

HASH_LENGTH = 16
NOT_COMPARED = ("created_at", "processed_at")


def stored_row(short: str, values: Row) -> Row:
    """Return the values as stored, in column order; every column must have a value."""
    columns = [c for c in TABLES[short].columns if c.name not in (*NOT_COMPARED, "data_hash")]
    assert set(values) == {c.name for c in columns}, set(values) ^ {c.name for c in columns}
    row = {c.name: _stored(c, values[c.name]) for c in columns}
    return row | {"data_hash": data_hash(short, row)}


def _stored(column: Column, value: Any) -> Any:
    return value if value is None or column.scale is None else fix(value, column.scale)


def source(name: str, rows: Rows) -> Row:
    """Return the two provenance columns of one source."""
    return {
        f"source_{name}_last_updated": max((r["processed_at"] for r in rows), default=None),
        f"source_{name}_rows_found": len(rows),
    }


def data_hash(short: str, row: Row) -> str:
    """Return the first 16 hex characters of SHA-256 over `name=value|name=value`."""
    return hashlib.sha256(hashed_text(short, row).encode()).hexdigest()[:HASH_LENGTH]


def hashed_text(short: str, row: Row) -> str:
    """Return the text behind a data_hash."""
    return "|".join(f"{c.name}={_text(row[c.name], c)}" for c in TABLES[short].hashed)


def _text(value: Any, column: Column) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list):
        return ",".join(_element(v) for v in value)
    return str(fix(value, column.scale)) if column.scale is not None else str(value)


def _element(value: float | str) -> str:
    return str(fix(Decimal(repr(value)), 6)) if isinstance(value, float) else value
