"""Reading side of the embedded warehouse: views over the files that a statement can see."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import date
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import duckdb

from backfill.errors import StatementFailed, WarehouseBusy
from backfill.statements import render
from backfill.warehouse import accounts
from backfill.warehouse.accounts import Account
from backfill.warehouse.dialect import Translated, naive
from backfill.warehouse.kept_files import KeptFiles
from backfill.warehouse.parquet.damage import is_whole, raise_damage
from backfill.warehouse.parquet.engine import Key, SharedTable, engine
from backfill.warehouse.parquet.errors import engine_errors
from backfill.warehouse.parquet.paths import ALL_SLICES, as_source, dates_of, files_of
from backfill.warehouse.parquet.season_parts import SeasonParts
from backfill.warehouse.parquet.seasons import Seasons
from backfill.warehouse.parquet.staging import Staging, quoted, stamps
from backfill.warehouse.parquet.unfinished import UnfinishedFile
from backfill.warehouse.port import Params, Row
from backfill.warehouse.schema import SLICE, Table
from backfill.warehouse.tables import BY_REF
from backfill.warehouse.translation_cache import to_duckdb
from validation.season import opened_season_year

T = TypeVar("T")
MAX_READS = 50
DEFAULT_OPTIONS: Mapping[str, Any] = MappingProxyType({"threads": 2, "memory_limit": "1GB"})


class ParquetReader:
    """Session on the directory, for one thread, that reads."""

    def __init__(
        self,
        root: Path,
        options: Mapping[str, Any] = DEFAULT_OPTIONS,
        parts: KeptFiles | None = None,
    ) -> None:
        self.root = root.absolute()
        self._parts = SeasonParts(self.root, parts)
        self._staging = Staging(self.root)
        self._seasons = Seasons(self.root)
        self._copying = UnfinishedFile(self.root / "copy")
        # Tables of the current season by name, with the version that they have.
        self._cached: dict[str, tuple[Key, SharedTable]] = {}
        self._folders: dict[tuple[str, str], Path] = {}
        self._engine = engine(options)
        self._db = self._engine.connect(self)

    def query(self, sql: str, params: Params | None = None) -> list[Row]:
        """Run one SELECT and return its rows. Raises Refused, StatementFailed, CorruptPartition or
        WarehouseBusy.
        """
        with engine_errors():
            statement = to_duckdb(sql)
            return self._consistently(statement, params or {}, lambda: self._fetched(statement.sql))

    def stage(self, name: str, sql: str, params: Params) -> None:
        with engine_errors():
            statement = to_duckdb(sql, for_backfill=params.get("backfill_mode") is True)
            self._fill(name, statement, params)

    def stage_file(self, name: str, table: Table, file: Path) -> None:
        with engine_errors():
            self._db.execute(
                f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT {', '.join(table.names)} FROM {quoted(file)}"
            )

    def accounts(self, name: str, table: Table) -> dict[date, Account]:
        """Return the account of each date of the rows staged as `name`."""
        with engine_errors():
            texts = (render(part, table=table, rows=name) for part in accounts.STATEMENTS)
            return accounts.of_counts(
                *(self._db.execute(to_duckdb(text).sql).fetchall() for text in texts)
            )

    def _fill(self, name: str, statement: Translated, params: Params) -> None:
        text = f"CREATE OR REPLACE TEMP TABLE {name} AS {statement.sql}"
        self._consistently(statement, params, lambda: self._db.execute(text))

    def _fetched(self, text: str) -> list[Row]:
        self._db.execute(text)
        names = [column[0] for column in self._db.description or ()]
        return [dict(zip(names, values, strict=True)) for values in self._db.fetchall()]

    def _consistently(self, statement: Translated, params: Params, run: Callable[[], T]) -> T:
        """Run, and repeat if a file was replaced during the read.

        DuckDB opens a file when it plans and again when it reads; a file replaced in between would
        be read with the old one's footer.
        """
        self._bind(statement, params)
        tables = [BY_REF[ref] for ref in statement.tables & BY_REF.keys()]
        for _ in range(MAX_READS):
            try:
                files = {table: self._visible(table, params) for table in tables}
                before = {table: stamps(found) for table, found in files.items()}
                for table in tables:
                    self._attach(table, params, files[table])
                result, error = run(), None
            except FileNotFoundError:
                continue  # a load has removed the version that was current
            except duckdb.Error as found:
                error = found
            if self._is_unchanged(files, before, params):
                if error:
                    raise_damage(self._db, error, chain(*files.values()))
                    raise error
                return result
        raise WarehouseBusy(f"partitions were replaced {MAX_READS} times during the read")

    def _is_unchanged(
        self,
        files: Mapping[Table, list[str]],
        before: Mapping[Table, tuple[object, ...]],
        params: Params,
    ) -> bool:
        """Return True if no file was replaced, and all inputs are still of the current version."""
        try:
            return all(
                stamps(found) == before[table]
                and (table.kind != "input" or self._visible(table, params) == found)
                for table, found in files.items()
            )
        except FileNotFoundError:
            return False

    def _bind(self, statement: Translated, params: Params) -> None:
        if missing := statement.parameters - params.keys():
            raise StatementFailed(f"no value for @{', @'.join(sorted(missing))}")
        for name, part in statement.kept:
            self._keep(name, part, params)
        for name in statement.parameters:
            self._db.execute(f'SET VARIABLE "{name}" = $1', [naive(params[name])])

    def _keep(self, name: str, part: Translated, params: Params) -> None:
        """Point a season's part at its table of the current version of that season."""
        inputs = [BY_REF[ref] for ref in sorted(part.tables & BY_REF.keys())]
        year = opened_season_year(params["season_start"])  # type: ignore[arg-type]
        version = (params["season_start"], *(self.stamp(table, year) for table in inputs))

        def make(table: str) -> None:
            text = f"CREATE TABLE {table} AS {part.sql}"
            self._consistently(part, params, lambda: self._db.execute(text))

        def fill(table: str) -> None:
            self._parts.fill(self._db, table, (name, *version, part.sql), make)

        if made := self._newly_shared(name, version, fill):
            self._db.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS FROM {made.name}")

    def _visible(self, table: Table, params: Params) -> list[str]:
        """Return the files of a table that a statement with these parameters can see."""
        if table.kind == "input" and "season_start" in params:
            return self._season_file(table, opened_season_year(params["season_start"]))  # type: ignore[arg-type]
        return self._files(table, params)

    def _attach(self, table: Table, params: Params, files: list[str]) -> None:
        """Point the view of a table at these files; those of one season through the session's
        memory.
        """
        is_season = table.kind == "input" and "season_start" in params
        source = self._cached_season(table, files) if is_season else as_source(table, files)
        self._db.execute(f"CREATE OR REPLACE VIEW {table} AS SELECT * FROM {source}")

    def _cached_season(self, table: Table, files: list[str]) -> str:
        """Keep one season of an input in memory until its file changes."""
        source, name = as_source(table, files), str(table)
        self._newly_shared(
            name, stamps(files), lambda to: self._db.execute(f"CREATE TABLE {to} AS FROM {source}")
        )
        return self._cached[name][1].name

    def _newly_shared(
        self, name: str, version: Key, fill: Callable[[str], object]
    ) -> SharedTable | None:
        """Hold the shared table of this name and version; None if this session already holds it."""
        if name in self._cached and self._cached[name][0] == version:
            return None
        self._cached.pop(name, None)
        made = self._engine.shared((self.root, name, version), fill)
        self._cached[name] = version, made
        return made

    def _season_file(self, table: Table, year: int) -> list[str]:
        file = self._seasons.file(table, year)
        return [str(file)] if file else []

    def _files(self, table: Table, params: Params) -> list[str]:
        folder = self._folder(table)
        if table.kind == "input":
            years = sorted(self._seasons.years(table))
            return [file for year in years for file in self._season_file(table, year)]
        bound: Mapping[str, Any] = params
        days = bound["dates"] if "dates" in bound else dates_of(folder, table.partition)
        days = [day for day in days if bound.get("start", day) <= day <= bound.get("end", day)]
        return sorted(
            files_of(folder, table.partition, days, ALL_SLICES if table.kind == "log" else "")
        )

    def seasons(self, table: Table) -> set[int]:
        with engine_errors():
            return self._seasons.years(table)

    def season_version(self, season_year: int) -> str:
        """Return text that changes with every load of a season."""
        with engine_errors():
            return self._seasons.version(season_year)

    def stamp(self, table: Table, season_year: int) -> str:
        """Return text that changes with every replacement of a season's file."""
        with engine_errors():
            for _ in range(MAX_READS):
                with suppress(FileNotFoundError):  # a load has just removed it
                    # Without the path: a load of other tables keeps the file under another one.
                    return str([s[1:] for s in stamps(self._season_file(table, season_year))])
        raise WarehouseBusy(f"season {season_year} was loaded {MAX_READS} times during the read")

    def partitions(
        self, table: Table, processor_name: str = "", among: Collection[date] | None = None
    ) -> set[date]:
        """Return the dates of an output table's partitions, or of a processor's slice of a log."""
        days = dates_of(self._folder(table), table.partition) if among is None else among
        with engine_errors():
            return {day for day in days if self._of(table, processor_name, day, is_whole)}

    def partition_stamps(self, table: Table, among: Collection[date]) -> dict[date, str]:
        """Return text for each date that changes with every replacement of one of its files."""
        with engine_errors():
            for _ in range(MAX_READS):
                with suppress(FileNotFoundError):  # a damaged file has just been renamed
                    return {
                        day: str(stamps(self._of(table, "", day, os.path.exists))) for day in among
                    }
        raise WarehouseBusy(f"partitions were replaced {MAX_READS} times during the read")

    def damaged(self, table: Table, processor_name: str, among: Collection[date]) -> set[date]:
        """Return the dates of files that are present and not whole."""
        with engine_errors():
            return {
                day
                for day in among
                if not all(map(is_whole, self._of(table, processor_name, day, os.path.exists)))
            }

    def _of(self, table: Table, name: str, day: date, accepts: Callable[[str], bool]) -> list[str]:
        inner = "" if table.kind != "log" else f"{SLICE}={name}" if name else ALL_SLICES
        folder = self._folder(table)
        return files_of(folder, table.partition, [day], inner, accepts=accepts)

    def expiring(self) -> dict[str, int]:
        """Return none: files do not expire."""
        return {}

    def _folder(self, table: Table) -> Path:
        key = table.dataset, table.name
        if key not in self._folders:
            self._folders[key] = self.root / table.dataset / table.name
        return self._folders[key]
