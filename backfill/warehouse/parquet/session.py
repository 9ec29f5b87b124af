"""The embedded warehouse: a directory of Parquet files, one per partition, read by in-memory
DuckDB.

    <root>/<dataset>/<table>/<partition column>=YYYY-MM-DD/part.parquet            outputs
    <root>/<dataset>/<table>/<date>=YYYY-MM-DD/processor_name=<name>/part.parquet  logs
    <root>/<dataset>/<table>/season_year=YYYY/part.parquet                         inputs

A partition is written beside (`<root>/.staging`) and moved over, and never unlinked, so that
readers in other
processes see the old file or the new one. An empty partition is a file without rows.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import duckdb

from backfill.errors import StatementFailed, WarehouseBusy
from backfill.statements import render
from backfill.warehouse.dialect import DUCKDB_MACROS, Translated, naive, to_duckdb
from backfill.warehouse.parquet.errors import engine_errors
from backfill.warehouse.parquet.new_partitions import NewPartitions
from backfill.warehouse.parquet.paths import ALL_SLICES, as_source, dates_of, files_of
from backfill.warehouse.parquet.staging import PART, Staging, move_partition, quoted, stamps
from backfill.warehouse.port import Params, Row, Work
from backfill.warehouse.schema import SLICE, Table
from backfill.warehouse.tables import BY_REF, TABLES
from validation.season import season_year

T = TypeVar("T")
MAX_READS = 50


class ParquetWarehouse:
    """One session on the directory; open one per thread."""

    def __init__(self, root: Path, *, threads: int = 2, memory_limit: str = "1GB") -> None:
        self.root = root.absolute()
        self._staging = Staging(self.root)
        self._cached: dict[str, tuple[object, ...]] = {}
        self._db = duckdb.connect(config={"threads": threads, "memory_limit": memory_limit})
        self._db.execute(DUCKDB_MACROS)
        for dataset in sorted({t.dataset for t in TABLES} | {"cache"}):
            self._db.execute(f"CREATE SCHEMA {dataset}")

    def query(self, sql: str, params: Params | None = None) -> list[Row]:
        """Run one SELECT and return its rows. Raises Refused, StatementFailed, CorruptPartition or
        WarehouseBusy.
        """
        with engine_errors():
            statement = to_duckdb(sql)
            return self._consistently(statement, params or {}, lambda: self._fetched(statement.sql))

    def stage(self, name: str, sql: str, params: Params) -> None:
        """Run one SELECT and keep its rows as the temporary table `name`."""
        with engine_errors():
            self._fill(name, to_duckdb(sql), params)

    def stage_file(self, name: str, table: Table, file: Path) -> None:
        """Keep the rows of a Parquet file as the temporary table `name`."""
        with engine_errors():
            self._db.execute(
                f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT {', '.join(table.names)} FROM {quoted(file)}"
            )

    def staged(self, name: str, columns: Sequence[str]) -> list[tuple[Any, ...]]:
        """These columns of the rows staged as `name`."""
        with engine_errors():
            return self._db.execute(f"SELECT {', '.join(columns)} FROM {name}").fetchall()

    def _fill(self, name: str, statement: Translated, params: Params) -> None:
        text = f"CREATE OR REPLACE TEMP TABLE {name} AS {statement.sql}"
        self._consistently(statement, params, lambda: self._db.execute(text))

    def _fetched(self, text: str) -> list[Row]:
        self._db.execute(text)
        names = [column[0] for column in self._db.description or ()]
        return [dict(zip(names, values, strict=True)) for values in self._db.fetchall()]

    def _consistently(self, statement: Translated, params: Params, run: Callable[[], T]) -> T:
        """Run until no file was replaced meanwhile.

        DuckDB opens a file when it plans and again when it reads; one that is replaced in between
        would be read with
        the old one's footer.
        """
        self._bind(statement, params)
        tables = [BY_REF[ref] for ref in statement.tables & BY_REF.keys()]
        for _ in range(MAX_READS):
            files = {table: self._visible(table, params) for table in tables}
            before = {table: stamps(found) for table, found in files.items()}
            try:
                for table in tables:
                    self._attach(table, params, files[table])
                result, error = run(), None
            except duckdb.Error as found:
                error = found
            if {table: stamps(found) for table, found in files.items()} == before:
                if error:
                    raise error
                return result
        raise WarehouseBusy(f"partitions were replaced {MAX_READS} times while they were read")

    def _bind(self, statement: Translated, params: Params) -> None:
        if missing := statement.parameters - params.keys():
            raise StatementFailed(f"no value for @{', @'.join(sorted(missing))}")
        for name, part in statement.kept:
            self._keep(name, part, params)
        for name in statement.parameters:
            self._db.execute(f'SET VARIABLE "{name}" = $1', [naive(params[name])])

    def _keep(self, name: str, part: Translated, params: Params) -> None:
        """Fill the table of a season's part, unless it holds that season as it is now."""
        inputs = [BY_REF[ref] for ref in sorted(part.tables & BY_REF.keys())]
        year = season_year(params["season_start"])  # type: ignore[arg-type]
        if self._cached.get(name) != (
            signature := (params["season_start"], *(self.stamp(table, year) for table in inputs))
        ):
            self._fill(name, part, params)
            self._cached[name] = signature

    def _visible(self, table: Table, params: Params) -> list[str]:
        """The files of a table that a statement with these parameters may see."""
        if table.kind == "input" and "season_start" in params:
            return self._season_file(table, season_year(params["season_start"]))  # type: ignore[arg-type]
        return self._files(table, params)

    def _attach(self, table: Table, params: Params, files: list[str]) -> None:
        """Point the view of a table at these files, those of one season through the session's
        memory.
        """
        is_season = table.kind == "input" and "season_start" in params
        source = self._cached_season(table, files) if is_season else as_source(table, files)
        self._db.execute(f"CREATE OR REPLACE VIEW {table} AS SELECT * FROM {source}")

    def _cached_season(self, table: Table, files: list[str]) -> str:
        """Keep one season of an input in memory for as long as its file stays the same one."""
        name = f"cache.{table.short}"
        if self._cached.get(name) != (signature := stamps(files)):
            self._cached.pop(name, None)
            self._db.execute(
                f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM {as_source(table, files)}"
            )
            self._cached[name] = signature
        return name

    def _season_file(self, table: Table, year: int) -> list[str]:
        file = self._folder(table) / f"season_year={year}" / PART
        return [str(file)] if file.exists() else []

    def _files(self, table: Table, params: Params) -> list[str]:
        folder = self._folder(table)
        if table.kind == "input":
            return sorted(map(str, folder.glob(f"*=*/{PART}")))
        bound: Mapping[str, Any] = params
        days = bound["dates"] if "dates" in bound else dates_of(folder, table.partition)
        days = [day for day in days if bound.get("start", day) <= day <= bound.get("end", day)]
        return sorted(
            files_of(folder, table.partition, days, ALL_SLICES if table.kind == "log" else "")
        )

    def seasons(self, table: Table) -> set[int]:
        """The seasons of an input table that are loaded."""
        return {
            int(f.parent.name.split("=")[1])
            for f in self._folder(table).glob(f"season_year=*/{PART}")
        }

    def stamp(self, table: Table, season_year: int) -> str:
        """What changes whenever the file of a season is replaced."""
        with engine_errors():
            return str(stamps(self._season_file(table, season_year)))

    def partitions(
        self, table: Table, processor_name: str = "", among: Collection[date] | None = None
    ) -> set[date]:
        """The dates for which an output table has a partition, or a log table a processor's slice."""
        inner = (
            ""
            if table.kind != "log"
            else f"{SLICE}={processor_name}"
            if processor_name
            else ALL_SLICES
        )
        folder, column = self._folder(table), table.partition
        with engine_errors():
            days = dates_of(folder, column) if among is None else among
            return {day for day in days if files_of(folder, column, [day], inner)}

    def expiring(self) -> dict[str, int]:
        """None: a directory of files forgets nothing."""
        return {}

    # Writing

    def replace(
        self,
        table: Table,
        dates: Sequence[date],
        sql: str,
        params: Params,
        processor_name: str = "",
    ) -> int:
        """Write these partitions beside and move them over, empty ones too; the files' footers tell
        what they hold.
        """
        self._replace(table, dates, sql, params, processor_name)
        files = files_of(
            self._folder(table),
            table.partition,
            dates,
            f"{SLICE}={processor_name}" if processor_name else "",
        )
        with engine_errors():
            found = self._db.execute(f"SELECT COUNT(*) FROM {as_source(table, files)}").fetchone()
        return int(found[0]) if found else 0

    def _replace(
        self, table: Table, dates: Sequence[date], sql: str, params: Params, processor_name: str
    ) -> None:
        with engine_errors(), self._staging.folder() as beside:
            made = NewPartitions(self._db, table, beside)
            if sql:
                self._write(table, to_duckdb(sql), params, made.folder)
            for day in sorted(dates):
                name = f"{table.partition}={day}"
                target = (
                    self._folder(table)
                    / name
                    / (f"{SLICE}={processor_name}" if processor_name else "")
                )
                move_partition(made.of(name), target)

    def _write(self, table: Table, statement: Translated, params: Params, folder: Path) -> None:
        columns = ", ".join(f"CAST({c.name} AS {c.duckdb_type}) AS {c.name}" for c in table.columns)
        order = ", ".join(dict.fromkeys((table.partition, *table.key)))
        options = f"FORMAT parquet, PARTITION_BY ({table.partition}), WRITE_PARTITION_COLUMNS true"
        text = f"COPY (SELECT {columns} FROM ({statement.sql}) ORDER BY {order}) TO {quoted(folder)} ({options})"

        def copy() -> None:
            shutil.rmtree(folder, ignore_errors=True)
            self._db.execute(text)

        self._consistently(statement, params, copy)

    def record(self, table: Table, rows: Sequence[Row]) -> None:
        """Add rows to a log. A slice belongs to one run at a time, so reading and replacing it
        loses nothing.
        """
        with engine_errors():
            self._db.execute(
                f"CREATE OR REPLACE TEMP TABLE added AS SELECT * FROM {as_source(table, [])}"
            )
            marks = ", ".join([f"({', '.join('?' * len(table.columns))})"] * len(rows))
            self._db.execute(
                f"INSERT INTO added VALUES {marks}",
                [naive(row[name]) for row in rows for name in table.names],
            )
        for name in sorted({row[SLICE] for row in rows}):
            dates = sorted({row[table.partition] for row in rows if row[SLICE] == name})
            sql = render("log-with-added", table=table)
            self._replace(table, dates, sql, {"dates": dates, "name": name}, name)

    def load(self, table: Table, season_year: int, file: Path) -> None:
        """Replace one season of an input table by this file."""
        with engine_errors(), self._staging.folder() as beside:
            shutil.copyfile(file, beside / PART)
            move_partition(beside, self._folder(table) / f"season_year={season_year}")

    def working(self, work: Work) -> AbstractContextManager[None]:
        """Nothing changes: what this process runs ends with it."""
        return nullcontext()

    def cancel(self, names: Collection[str]) -> int:
        """Nothing goes on by itself."""
        return 0

    def bytes_read(self, sql: str, params: Params, writes: int = 0) -> None:
        """Files of one's own cost nothing."""

    def check_writable(self) -> None:
        """Raise WarehouseUnwritable when nothing could be written now."""
        with engine_errors(), self._staging.folder():
            pass

    def sweep(self) -> int:
        """Remove what killed writers left behind; return how many leftovers there were."""
        with engine_errors():
            return self._staging.sweep()

    def _folder(self, table: Table) -> Path:
        return self.root / table.dataset / table.name
