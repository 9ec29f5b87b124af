"""Errors of DuckDB and the operating system, as WarehouseError."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from backfill.errors import (
    CorruptPartition,
    StatementFailed,
    UnreadableInput,
    WarehouseError,
    WarehouseUnwritable,
)
from backfill.warehouse.parquet.paths import partition_of
from backfill.warehouse.tables import INPUTS

UNWRITABLE = re.compile(
    r"no space left|permission denied|read-only|file too large|cannot open file .* for writing|quota",
    re.I,
)
UNREADABLE = re.compile(
    r"magic bytes|not read enough bytes|too small to be a parquet|footer|corrupt|invalid (?:thrift|parquet)|TProtocol|snappy",
    re.I,
)


def as_warehouse_error(error: Exception) -> WarehouseError:
    """Convert an error of the engine or the operating system."""
    text = _plain(str(error).strip()) or type(error).__name__
    file = re.search(r"[^\s\"']+\.parquet", text)
    if UNWRITABLE.search(text):
        return WarehouseUnwritable(f"the warehouse is not writable: {text}")
    if isinstance(error, duckdb.Error) and file and UNREADABLE.search(text):
        return corrupt_partition(file[0])
    if isinstance(error, duckdb.Error):
        return StatementFailed(text)
    return WarehouseUnwritable(f"the warehouse failed: {text}")


def corrupt_partition(file: str) -> WarehouseError:
    """Return the error of a damaged file, of the class that its table requires."""
    found = partition_of(file)
    if found["table"] in map(str, INPUTS):
        return unreadable_input(Path(file))
    return CorruptPartition(f"{file} is not a whole Parquet file; backfill its date again", found)


def unreadable_input(file: Path) -> UnreadableInput:
    """Return the error of an input file that is missing or damaged."""
    state = "is not a whole Parquet file" if file.exists() else "is missing"
    message = f"{file} {state}; load its season again with `manage.py load_phase3 DIR`"
    return UnreadableInput(message, partition_of(str(file)))


def _plain(text: str) -> str:
    """Return the sentence of an error from another thread, which DuckDB wraps in JSON."""
    found = re.search(r'"exception_message"\s*:\s*("(?:[^"\\]|\\.)*")', text)
    return str(json.loads(found[1])) if found else text


@contextmanager
def engine_errors() -> Iterator[None]:
    """Convert errors of the engine or the operating system to WarehouseError."""
    try:
        yield
    except (duckdb.Error, OSError) as error:
        raise as_warehouse_error(error) from error
