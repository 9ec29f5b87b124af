"""What DuckDB has written beside, as one file per partition: joined where it wrote several, empty
where it wrote none.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import duckdb

from backfill.warehouse.parquet.paths import as_source
from backfill.warehouse.parquet.staging import PART, quoted
from backfill.warehouse.schema import Table


class NewPartitions:
    """The partitions of one write of a table, in a folder of its own; `folder` is where DuckDB is
    to write.
    """

    def __init__(self, db: duckdb.DuckDBPyConnection, table: Table, beside: Path) -> None:
        self.folder = beside / "new"
        self._db, self._table, self._beside = db, table, beside

    def of(self, name: str) -> Path:
        """The folder of a new partition, holding one file: the writer's, its several joined, or an
        empty one.
        """
        folder = self.folder / name
        files = sorted(folder.glob("*.parquet"))
        if len(files) == 1:
            files[0].rename(folder / PART)
            return folder
        made = self._beside / "made" / name
        made.mkdir(parents=True)
        if files:
            self._copy(files, made / PART)
        else:
            shutil.copyfile(self._empty(), made / PART)
        return made

    def _empty(self) -> Path:
        """A file of the table without rows, written once for all its empty partitions."""
        file = self._beside / "empty.parquet"
        if not file.exists():
            self._copy([], file)
        return file

    def _copy(self, files: Sequence[Path], to: Path) -> None:
        source = as_source(self._table, list(map(str, files)))
        self._db.execute(f"COPY (SELECT * FROM {source}) TO {quoted(to)} (FORMAT parquet)")
