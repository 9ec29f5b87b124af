"""Partitions written to staging, one file each: several files are joined, a missing one is empty."""

from __future__ import annotations

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

    def of(self, name: str) -> Path:
        """Return the folder of a new partition with one file: as written, joined, or empty."""
        folder = self.folder / name
        files = sorted(folder.glob("*.parquet"))
        if len(files) == 1:
            files[0].rename(folder / PART)
            return folder
        made = self._staging / "made" / name
        made.mkdir(parents=True)
        if files:
            self._copy(files, made / PART)
        else:
            shutil.copyfile(self._empty(), made / PART)
        return made

    def _empty(self) -> Path:
        """Return a file of the table without rows, written once for all its empty partitions."""
        file = self._staging / "empty.parquet"
        if not file.exists():
            self._copy([], file)
        return file

    def _copy(self, files: Sequence[Path], to: Path) -> None:
        source = as_source(self._table, list(map(str, files)))
        self._db.execute(f"COPY (SELECT * FROM {source}) TO {quoted(to)} (FORMAT parquet)")
