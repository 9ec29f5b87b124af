"""The embedded warehouse: a directory of Parquet files, one per partition, read by in-memory DuckDB.

    <root>/<dataset>/<table>/<partition column>=YYYY-MM-DD/part.parquet            outputs
    <root>/<dataset>/<table>/<date>=YYYY-MM-DD/processor_name=<name>/part.parquet  logs
    <root>/<dataset>/<table>/season_year=YYYY/part.parquet                         inputs

A partition is written beside (`<root>/.staging`) and moved over, and never unlinked, so that readers in other
processes see the old file or the new one. An empty partition is a file without rows.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from backfill.errors import CorruptPartition, StatementFailed, WarehouseError, WarehouseUnwritable
from backfill.warehouse.base import Params, Row
from backfill.warehouse.dialect import DUCKDB_MACROS, Translated, to_duckdb
from backfill.warehouse.schema import Table
from backfill.warehouse.staging import PART, Staging, move_partition
from backfill.warehouse.tables import BY_REF, TABLES
from validation.season import season_year

SLICE = "processor_name"  # logs are replaced by (date, processor), so that is how they are stored
WITH_ADDED = """
SELECT * FROM {table} WHERE processor_name = @name AND run_id NOT IN (SELECT run_id FROM added)
UNION ALL SELECT * FROM added WHERE processor_name = @name
"""
UNWRITABLE = re.compile(r"no space left|permission denied|read-only|file too large|cannot open file .* for writing|quota", re.I)
UNREADABLE = re.compile(r"magic bytes|too small to be a parquet|footer|corrupt|invalid (?:thrift|parquet)|TProtocol|snappy", re.I)


def as_warehouse_error(error: Exception) -> WarehouseError:
    """Name what an engine's or the system's error means to an operator."""
    text = str(error).strip() or type(error).__name__
    file = re.search(r"[^\s\"']+\.parquet", text)
    if UNWRITABLE.search(text):
        return WarehouseUnwritable(f"the warehouse cannot be written: {text}")
    if isinstance(error, duckdb.Error) and file and UNREADABLE.search(text):
        return CorruptPartition(f"{file[0]} is not a whole Parquet file; remove it and run its date (or load its season) again")
    return (
        StatementFailed(text) if isinstance(error, duckdb.Error) else WarehouseUnwritable(f"the warehouse cannot be used: {text}")
    )


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except (duckdb.Error, OSError) as error:
        raise as_warehouse_error(error) from error


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

    # Reading

    def query(self, sql: str, params: Params | None = None) -> list[Row]:
        """Run one SELECT and return its rows. Raises Refused, StatementFailed or CorruptPartition."""
        with _errors():
            self._execute(to_duckdb(sql), params or {})
            names = [column[0] for column in self._db.description or ()]
            return [dict(zip(names, values, strict=True)) for values in self._db.fetchall()]

    def stage(self, name: str, sql: str, params: Params) -> None:
        """Run one SELECT and keep its rows as the temporary table `name`."""
        with _errors():
            self._execute(to_duckdb(sql), params, prefix=f"CREATE OR REPLACE TEMP TABLE {name} AS ")

    def _execute(self, statement: Translated, params: Params, *, prefix: str = "", suffix: str = "") -> None:
        for name, part in statement.kept:
            self._keep(name, part, params)
        for ref in statement.tables & BY_REF.keys():
            self._attach(BY_REF[ref], params)
        if missing := statement.parameters - params.keys():
            raise StatementFailed(f"no value for @{', @'.join(sorted(missing))}")
        for name in statement.parameters:
            self._db.execute(f'SET VARIABLE "{name}" = $1', [_naive(params[name])])
        self._db.execute(f"{prefix}{statement.sql}{suffix}")

    def _keep(self, name: str, part: Translated, params: Params) -> None:
        """Fill the table of a season's part, unless it holds that season as it is now."""
        inputs = [BY_REF[ref] for ref in sorted(part.tables & BY_REF.keys())]
        year = season_year(params["season_start"])  # type: ignore[arg-type]
        signature = (params["season_start"], *(self._signature(table, year) for table in inputs))
        if self._cached.get(name) != signature:
            self._execute(part, params, prefix=f"CREATE OR REPLACE TEMP TABLE {name} AS ")
            self._cached[name] = signature

    def _attach(self, table: Table, params: Params) -> None:
        """Point the view of a table at the files that a statement with these parameters may see."""
        if table.kind == "input" and "season_start" in params:
            source = f"cache.{self._cache_season(table, season_year(params['season_start']))}"  # type: ignore[arg-type]
        else:
            source = _source(table, self._files(table, params.get("dates")))  # type: ignore[arg-type]
        self._db.execute(f"CREATE OR REPLACE VIEW {table} AS SELECT * FROM {source}")

    def _cache_season(self, table: Table, year: int) -> str:
        """Keep one season of an input in memory for as long as its file stays the same one."""
        signature = self._signature(table, year)
        if self._cached.get(table.short) != signature:
            source = _source(table, [str(signature[0])] if signature[1] else [])
            self._db.execute(f"CREATE OR REPLACE TABLE cache.{table.short} AS SELECT * FROM {source}")
            self._cached[table.short] = signature
        return table.short

    def _signature(self, table: Table, year: int) -> tuple[object, ...]:
        """What changes whenever a season of an input is loaded again."""
        file = self._folder(table) / f"season_year={year}" / PART
        stat = file.stat() if file.exists() else None
        return file, stat and (stat.st_ino, stat.st_mtime_ns, stat.st_size)

    def _files(self, table: Table, dates: Sequence[date] | None) -> list[str]:
        depth = f"*/{PART}" if table.kind == "log" else PART
        folder = self._folder(table)
        if table.kind == "input" or dates is None:
            return sorted(map(str, folder.glob(f"*=*/{depth}")))
        return sorted(str(f) for d in dates for f in (folder / f"{table.partition}={d}").glob(depth))

    def seasons(self, table: Table) -> set[int]:
        """The seasons of an input table that are loaded."""
        return {int(f.parent.name.split("=")[1]) for f in self._folder(table).glob(f"season_year=*/{PART}")}

    def partitions(self, table: Table) -> set[date]:
        """The dates for which an output or log table has a partition."""
        return {date.fromisoformat(f.name.split("=")[1]) for f in self._folder(table).glob(f"{table.partition}=*")}

    # Writing

    def replace(self, table: Table, dates: Sequence[date], sql: str, params: Params, processor_name: str = "") -> None:
        """Write these partitions beside and move them over; a date without rows gets an empty one."""
        with _errors(), self._staging.folder() as beside:
            if sql:
                self._write(table, to_duckdb(sql), params, beside / "new")
            for day in sorted(dates):
                name = f"{table.partition}={day}"
                target = self._folder(table) / name / (f"{SLICE}={processor_name}" if processor_name else "")
                move_partition(self._written(table, beside / "new" / name, beside), target)

    def _write(self, table: Table, statement: Translated, params: Params, folder: Path) -> None:
        columns = ", ".join(f"CAST({c.name} AS {c.duckdb_type}) AS {c.name}" for c in table.columns)
        order = ", ".join(dict.fromkeys((table.partition, *table.key)))
        options = f"FORMAT parquet, PARTITION_BY ({table.partition}), WRITE_PARTITION_COLUMNS true"
        prefix, suffix = f"COPY (SELECT {columns} FROM (", f") ORDER BY {order}) TO '{folder}' ({options})"
        self._execute(statement, params, prefix=prefix, suffix=suffix)

    def _written(self, table: Table, folder: Path, beside: Path) -> Path:
        """The folder of a new partition, holding one file: the writer's, its several joined, or an empty one."""
        files = sorted(folder.glob("*.parquet"))
        if len(files) == 1:
            files[0].rename(folder / PART)
            return folder
        made = beside / "made" / folder.name
        made.mkdir(parents=True)
        if files:
            self._copy(table, files, made / PART)
        else:
            shutil.copyfile(self._empty(table, beside), made / PART)
        return made

    def _empty(self, table: Table, beside: Path) -> Path:
        """A file of the table without rows, written once for all its empty partitions."""
        file = beside / "empty.parquet"
        if not file.exists():
            self._copy(table, [], file)
        return file

    def _copy(self, table: Table, files: Sequence[Path], to: Path) -> None:
        self._db.execute(f"COPY (SELECT * FROM {_source(table, list(map(str, files)))}) TO '{to}' (FORMAT parquet)")

    def record(self, table: Table, rows: Sequence[Row]) -> None:
        """Add rows to a log. A slice belongs to one run at a time, so reading and replacing it loses nothing."""
        with _errors():
            self._db.execute(f"CREATE OR REPLACE TEMP TABLE added AS SELECT * FROM {_source(table, [])}")
            marks = ", ".join([f"({', '.join('?' * len(table.columns))})"] * len(rows))
            self._db.execute(f"INSERT INTO added VALUES {marks}", [_naive(row[name]) for row in rows for name in table.names])
        for name in sorted({row[SLICE] for row in rows}):
            dates = sorted({row[table.partition] for row in rows if row[SLICE] == name})
            self.replace(table, dates, WITH_ADDED.format(table=table), {"dates": dates, "name": name}, name)

    def load(self, table: Table, season_year: int, file: Path) -> None:
        """Replace one season of an input table by this file."""
        with _errors(), self._staging.folder() as beside:
            shutil.copyfile(file, beside / PART)
            move_partition(beside, self._folder(table) / f"season_year={season_year}")

    def check_writable(self) -> None:
        """Raise WarehouseUnwritable when nothing could be written now."""
        with _errors(), self._staging.folder():
            pass

    def sweep(self) -> int:
        """Remove what killed writers left behind; return how many leftovers there were."""
        with _errors():
            return self._staging.sweep()

    def _folder(self, table: Table) -> Path:
        return self.root / table.dataset / table.name


def _source(table: Table, files: Sequence[str]) -> str:
    """DuckDB's table expression over these files; over none, the schema without rows."""
    if not files:
        columns = ", ".join(f"CAST(NULL AS {c.duckdb_type}) AS {c.name}" for c in table.columns)
        return f"(SELECT {columns} WHERE FALSE)"
    quoted = ", ".join("'" + f.replace("'", "''") + "'" for f in files)
    if table.kind == "input":
        return f"read_parquet([{quoted}], hive_partitioning = false)"
    return f"read_parquet([{quoted}], hive_partitioning = true, hive_types = {{'{table.partition}': DATE}})"


def _naive(value: object) -> object:
    """A TIMESTAMP holds UTC without saying so; DuckDB would shift an aware one to the local zone."""
    return value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) and value.tzinfo else value
