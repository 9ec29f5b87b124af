"""Damaged Parquet files: found cheaply or by a failed read, and set aside."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from backfill.warehouse.parquet.errors import corrupt_partition, engine_errors
from backfill.warehouse.parquet.staging import quoted

# Errors of reading; a statement's own errors have other types.
OF_A_FILE = (duckdb.IOException, duckdb.InvalidInputException)
MAGIC, TAIL_BYTES = b"PAR1", 8
# Thirty seasons of whole files, by their stamps.
MOST = 50_000
_whole: set[int] = set()


def is_whole(file: str) -> bool:
    """Return True for a file that begins and ends as a Parquet file, with a footer that fits in.

    Reads 12 bytes, once in a process until the file changes, so that a plan can check a season. A
    reader finds other damage.
    """
    try:
        found = os.stat(file)
    except OSError:
        return False
    stamp = hash((file, found.st_ino, found.st_mtime_ns, found.st_size))
    if stamp in _whole:
        return True
    if is_whole := _begins_and_ends(file, found.st_size):
        if len(_whole) >= MOST:
            _whole.clear()
        _whole.add(stamp)
    return is_whole


def _begins_and_ends(file: str, size: int) -> bool:
    if size < len(MAGIC) + TAIL_BYTES:
        return False
    with open(file, "rb", buffering=0) as opened:
        head = opened.read(len(MAGIC))
        opened.seek(size - TAIL_BYTES)
        tail = opened.read(TAIL_BYTES)
    footer = int.from_bytes(tail[:4], "little")
    return head == MAGIC and tail[4:] == MAGIC and footer <= size - TAIL_BYTES


def raise_damage(db: duckdb.DuckDBPyConnection, error: duckdb.Error, files: Iterable[str]) -> None:
    """Raise the error of the first unreadable file, for an error that names none, such as that of a
    damaged footer.
    """
    if type(error) is not duckdb.Error and not isinstance(error, OF_A_FILE):
        return
    for file in files:
        try:
            db.execute(f"CREATE OR REPLACE TEMP TABLE read_once AS FROM {quoted(file)}")
        except duckdb.Error as damage:
            raise corrupt_partition(file) from damage
        db.execute("DROP TABLE read_once")


def rename_damaged(file: Path) -> Path:
    """Rename a damaged file, so that its partition is missing; return its new name."""
    kept = file.with_name(f"damaged-{datetime.now(UTC):%Y%m%dT%H%M%S}.parquet")
    with engine_errors(), suppress(FileNotFoundError):  # another process was faster
        file.rename(kept)
    return kept
