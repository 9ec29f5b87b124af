"""Embedded warehouse: a directory of Parquet files, one per partition, read by in-memory DuckDB.

    <root>/<dataset>/<table>/<partition column>=YYYY-MM-DD/part.parquet            outputs
    <root>/<dataset>/<table>/<date>=YYYY-MM-DD/processor_name=<name>/part.parquet  logs
    <root>/phase3/season_year=YYYY/                                                inputs: `seasons.py`
    <root>/.versions/                                                              replaced: `versions.py`

A partition is written to `<root>/.staging`, then moved into place, and never unlinked, so that
readers in other processes see the old file or the new one. An empty partition is a file without
rows.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any

from backfill.crash_points import crash_point
from backfill.errors import CorruptPartition, VersionGone, WarehouseBusy
from backfill.statements import render
from backfill.warehouse.dialect import Translated, naive
from backfill.warehouse.kept_files import KeptFiles
from backfill.warehouse.parquet.damage import rename_damaged
from backfill.warehouse.parquet.errors import engine_errors
from backfill.warehouse.parquet.fences import Fences
from backfill.warehouse.parquet.new_partitions import NewPartitions
from backfill.warehouse.parquet.paths import as_source, files_of, partition_name
from backfill.warehouse.parquet.reading import DEFAULT_OPTIONS, MAX_READS, ParquetReader
from backfill.warehouse.parquet.staging import move_partition, quoted, stamps
from backfill.warehouse.parquet.versions import KeptFile, Versions
from backfill.warehouse.port import (
    GONE,
    Params,
    Row,
    Slice,
    StoppedJobs,
    UnfinishedWrite,
    Version,
    Work,
)
from backfill.warehouse.schema import SLICE, Table
from backfill.warehouse.tables import HISTORY
from backfill.warehouse.translation_cache import to_duckdb


class ParquetWarehouse(ParquetReader):
    """Session on the directory, for one thread."""

    def __init__(
        self,
        root: Path,
        options: Mapping[str, Any] = DEFAULT_OPTIONS,
        parts: KeptFiles | None = None,
        *,
        keeps_versions: bool = True,
    ) -> None:
        super().__init__(root, options, parts)
        self._fences, self._work = Fences(self.root), Work()
        self._versions, self._keeps_versions = Versions(self.root), keeps_versions

    def replace(
        self,
        table: Table,
        dates: Sequence[date],
        sql: str,
        params: Params,
        processor_name: str = "",
    ) -> int:
        """Write these partitions to staging and move them into place, empty ones too; return the
        rows from the files' footers.
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
        with engine_errors(), self._staging.folder() as folder:
            made = NewPartitions(self._db, table, folder)
            if sql:
                self._write(table, to_duckdb(sql), params, made.folder)
            crash_point("before-publication")
            token, target = self._work.fence(), self._folder(table)
            for day in sorted(dates):
                partition = partition_name(table, day, processor_name)
                new = made.of(f"{table.partition}={day}")
                live = f"{target}/{partition}"
                keep = partial(self._keep_version, table, partition, live)
                with self._fences.passed(table, partition, token, keep):
                    move_partition(new, live)

    def _keep_version(self, table: Table, partition: str, live: str, token: int) -> None:
        if self._keeps_versions and table is not HISTORY:
            self._versions.keep(table, partition, live, token)
            crash_point("version-kept")

    def _write(self, table: Table, statement: Translated, params: Params, folder: Path) -> None:
        columns = ", ".join(f"CAST({c.name} AS {c.duckdb_type}) AS {c.name}" for c in table.columns)
        order = ", ".join(dict.fromkeys((table.partition, *table.key)))
        options = f"FORMAT parquet, PARTITION_BY ({table.partition}), WRITE_PARTITION_COLUMNS true"
        text = f"COPY (SELECT {columns} FROM ({statement.sql}) ORDER BY {order}) TO {quoted(folder)} ({options})"

        def copy() -> None:
            shutil.rmtree(folder, ignore_errors=True)
            self._db.execute(text)

        self._consistently(statement, params, copy)

    def versions(
        self, table: Table, among: Collection[date], processor_name: str = ""
    ) -> dict[date, list[Version]]:
        """Return the versions of these partitions, the newest first."""
        with engine_errors():
            kept = {day: self._kept(table, day, processor_name) for day in among}
        return {day: [one.version for one in found] for day, found in kept.items() if found}

    def _kept(self, table: Table, day: date, processor_name: str) -> list[KeptFile]:
        return self._versions.of(table, partition_name(table, day, processor_name))

    def live_tokens(
        self, table: Table, among: Collection[date], processor_name: str = ""
    ) -> dict[date, int]:
        """Return the stored token of each partition that exists."""
        found = self.partitions(table, processor_name, among)
        with engine_errors():
            return {
                day: self._fences.token(table, partition_name(table, day, processor_name))
                for day in found
            }

    def announce(self, slices: Sequence[Slice], dates: Sequence[date]) -> None:
        """Do nothing: each file is kept under the lock of its write."""

    def stage_versions(
        self, name: str, table: Table, picks: Mapping[date, int | None], processor_name: str = ""
    ) -> None:
        """Keep the rows of these versions as table `name`; None picks the live partition."""
        with engine_errors():
            for _ in range(MAX_READS):
                with suppress(FileNotFoundError):  # replaced or pruned in between
                    files = self._picked_files(table, picks, processor_name)
                    before = stamps(files)
                    self._db.execute(_reading(name, table, files))
                    if stamps(files) == before:
                        return
        raise WarehouseBusy(f"partitions were replaced {MAX_READS} times during the read")

    def _picked_files(
        self, table: Table, picks: Mapping[date, int | None], processor_name: str
    ) -> list[str]:
        return [
            file
            for day, token in picks.items()
            for file in self._picked(table, day, token, processor_name)
        ]

    def _picked(self, table: Table, day: date, token: int | None, processor_name: str) -> list[str]:
        if token is None:
            return self._of(table, processor_name, day, os.path.exists)
        for kept in self._kept(table, day, processor_name):
            if kept.version.token == token:
                return [kept.file]
        live = self.live_tokens(table, [day], processor_name)
        if live.get(day) == token:
            return self._of(table, processor_name, day, os.path.exists)
        raise VersionGone(GONE.format(f"{token} of {table} on {day}"))

    def prune_versions(self, before: datetime, most_bytes: int = 0, *, dry_run: bool) -> int:
        with engine_errors():
            return self._versions.prune(before, most_bytes, dry_run=dry_run)

    def record(self, table: Table, rows: Sequence[Row]) -> None:
        """Add rows to a log. A slice belongs to one run at a time, so read and replace loses no
        row.
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

    def load(
        self,
        season_year: int,
        files: Mapping[Table, Path],
        write: UnfinishedWrite | None = None,
        replaces: str | None = None,
    ) -> None:
        record = write or UnfinishedWrite(title=f"load of season {season_year}")
        with engine_errors():
            self._seasons.load(season_year, files, record, replaces)

    def export_season(self, table: Table, season_year: int, file: Path) -> bool:
        with engine_errors():
            for _ in range(MAX_READS):
                with suppress(FileNotFoundError):  # a load has just removed it
                    found = self._seasons.file(table, season_year)
                    return bool(found and shutil.copyfile(found, file))
        raise WarehouseBusy(f"season {season_year} was loaded {MAX_READS} times during the read")

    def unfinished(self) -> list[UnfinishedWrite]:
        with engine_errors():
            copied = self._copying.read()
            return [*([copied] if copied else []), *self._seasons.unfinished()]

    @contextmanager
    def writing(self, write: UnfinishedWrite) -> Iterator[None]:
        with self._copying.held(
            "another process copies into this warehouse; wait until it has ended"
        ):
            self._copying.write(write)
            yield
            self._copying.remove()

    def set_aside(self, error: CorruptPartition) -> str:
        """Rename the file that the error names; return its new name."""
        return str(rename_damaged(Path(error.detail["file"])))

    @contextmanager
    def working(self, work: Work) -> Iterator[None]:
        """Fence all writes inside the block with that work's token; statements end with their
        process.
        """
        before, self._work = self._work, work
        try:
            yield
        finally:
            self._work = before

    def cancel(self, names: Collection[str]) -> StoppedJobs:
        """Return none: no statement outlives its process."""
        return StoppedJobs()

    def retire(self, names: Collection[str], *, cancel: bool) -> None:
        """Do nothing: fencing tokens stop earlier writers."""

    def bytes_read(self, sql: str, params: Params, writes: int = 0) -> None:
        """Return None: local files cost nothing."""

    def check_writable(self) -> None:
        """Raise WarehouseUnwritable if a write would fail now."""
        with engine_errors(), self._staging.folder():
            pass

    def sweep(self) -> int:
        """Remove the leftovers of killed writers; return how many there were."""
        with engine_errors():
            return self._staging.sweep() + self._seasons.sweep()


def _reading(name: str, table: Table, files: Sequence[str]) -> str:
    """Return the statement that keeps the rows of these files; a missing column is NULL."""
    source = as_source(table, [])
    if files:
        options = "hive_partitioning = false, union_by_name = true"
        rows = f"read_parquet([{', '.join(map(quoted, files))}], {options})"
        source = f"(SELECT * FROM {source} UNION ALL BY NAME SELECT * FROM {rows})"
    columns = ", ".join(f"CAST({c.name} AS {c.duckdb_type}) AS {c.name}" for c in table.columns)
    return f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT {columns} FROM {source}"
