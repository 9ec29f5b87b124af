"""Partitions written to staging, one file each: several files are joined, a missing one is empty.

Without pathlib, which is ten times as slow: a season moves 2,400 files.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import duckdb

from backfill.warehouse.parquet.paths import as_source
from backfill.warehouse.parquet.staging import PART, quoted
from backfill.warehouse.schema import Table


class NewPartitions:
    """Partitions of one write of a table; `folder` is DuckDB's output folder."""

    def __init__(self, db: duckdb.DuckDBPyConnection, table: Table, staging: Path) -> None:
        self.folder = staging / "new"
        self._db, self._table, self._staging = db, table, staging

    def of(self, name: str) -> str:
        """Return the folder of a new partition with one file: as written, joined, or empty."""
        folder = f"{self.folder}/{name}"
        files = sorted(f"{folder}/{file}" for file in _listed(folder) if file.endswith(".parquet"))
        if len(files) == 1:
            os.rename(files[0], f"{folder}/{PART}")
            return folder
        made = f"{self._staging}/made/{name}"
        os.makedirs(made)
        if files:
            self._copy(files, f"{made}/{PART}")
        else:
            shutil.copyfile(self._empty(), f"{made}/{PART}")
        return made

    def _empty(self) -> Path:
        """Return a file of the table without rows, written once for all its empty partitions."""
        file = self._staging / "empty.parquet"
        if not file.exists():
            self._copy([], file)
        return file

    def _copy(self, files: Sequence[str], to: Path | str) -> None:
        source = as_source(self._table, files)
        self._db.execute(f"COPY (SELECT * FROM {source}) TO {quoted(to)} (FORMAT parquet)")


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []
