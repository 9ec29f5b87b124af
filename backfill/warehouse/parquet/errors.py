"""What DuckDB's and the system's errors mean to an operator."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from backfill.errors import CorruptPartition, StatementFailed, WarehouseError, WarehouseUnwritable
from backfill.warehouse.parquet.paths import partition_of

UNWRITABLE = re.compile(
    r"no space left|permission denied|read-only|file too large|cannot open file .* for writing|quota",
    re.I,
)
UNREADABLE = re.compile(
    r"magic bytes|too small to be a parquet|footer|corrupt|invalid (?:thrift|parquet)|TProtocol|snappy",
    re.I,
)


def as_warehouse_error(error: Exception) -> WarehouseError:
    """Name what an engine's or the system's error means to an operator."""
    text = _plain(str(error).strip()) or type(error).__name__
    file = re.search(r"[^\s\"']+\.parquet", text)
    if UNWRITABLE.search(text):
        return WarehouseUnwritable(f"the warehouse cannot be written: {text}")
    if isinstance(error, duckdb.Error) and file and UNREADABLE.search(text):
        message = f"{file[0]} is not a whole Parquet file; remove it and run its date (or load its season) again"
        return CorruptPartition(message, partition_of(file[0]))
    if isinstance(error, duckdb.Error):
        return StatementFailed(text)
    return WarehouseUnwritable(f"the warehouse cannot be used: {text}")


def _plain(text: str) -> str:
    """Take the sentence out of an error that came from another thread, which DuckDB wraps in JSON."""
    found = re.search(r'"exception_message"\s*:\s*("(?:[^"\\]|\\.)*")', text)
    return str(json.loads(found[1])) if found else text


@contextmanager
def engine_errors() -> Iterator[None]:
    """Turn what the engine or the system raises into a WarehouseError."""
    try:
        yield
    except (duckdb.Error, OSError) as error:
        raise as_warehouse_error(error) from error
