"""Season parts of statements, kept as files: a command for one date would compute them for a season."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb

from backfill.warehouse.dialect import DUCKDB_MACROS
from backfill.warehouse.kept_files import KeptFiles
from backfill.warehouse.parquet.staging import quoted


class SeasonParts:
    """Filled tables of a warehouse, by name and version; none without a folder."""

    def __init__(self, root: Path, files: KeptFiles | None) -> None:
        self._root, self._files = root, files

    def fill(
        self,
        db: duckdb.DuckDBPyConnection,
        table: str,
        version: tuple[object, ...],
        make: Callable[[str], object],
    ) -> None:
        """Create a table from its file, or with `make`, and write the file. The first two elements
        of the version are the name of the part and its season.
        """
        if not self._files:
            make(table)
            return
        code = duckdb.__version__, DUCKDB_MACROS
        file = self._files.path((self._root, *version[:2]), (version, code), ".parquet")
        if file.exists():
            try:
                db.execute(f"CREATE TABLE {table} AS FROM read_parquet({quoted(file)})")
            except duckdb.Error:  # damaged, or replaced in between
                file.unlink(missing_ok=True)
            else:
                return
        make(table)
        self._files.replace(file, lambda made: _write(db, table, made))


def _write(db: duckdb.DuckDBPyConnection, table: str, file: Path) -> None:
    """Write a table, unless Parquet has other types for its columns. Raises OSError."""
    try:
        db.execute(f"COPY {table} TO {quoted(file)} (FORMAT parquet)")
        sources = table, f"read_parquet({quoted(file)})"  # its name has another suffix
        types = [db.execute(f"DESCRIBE FROM {source}").fetchall() for source in sources]
    except duckdb.Error as error:
        raise OSError(str(error)) from error
    if [row[:2] for row in types[0]] != [row[:2] for row in types[1]]:
        raise OSError(f"{table} has types that Parquet has not")
