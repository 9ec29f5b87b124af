"""Phase 3 loading: a folder of files is read and checked completely before the warehouse changes.

The folder contains `nba_analytics/<table>.parquet` or `.csv` for each input table, and
`nba_reference/nba_schedule` likewise.
"""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote
from typing import Any

import duckdb
from django.conf import settings

from backfill.errors import Refused, WarehouseUnwritable
from backfill.ingest import input_files
from backfill.ingest.load_checks import check_reading
from backfill.season_calendar import season_name
from backfill.warehouse import writable_warehouse
from backfill.warehouse.port import UnfinishedWrite
from backfill.warehouse.schema import Column, Table
from backfill.warehouse.tables import INPUTS, SCHED
from validation.findings.kinds import FindingDraft
from validation.season import FIRST_MONTH

WRITTEN = "processed_at"
SEASON = f"year(game_date) - (month(game_date) < {FIRST_MONTH})::INTEGER"

# Accepted types of a Parquet column. A number is never accepted as text: 22100001 has lost its
# leading zeros.
NUMBER = r"U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL.*"
TIME = r"DATE|TIMESTAMP.*"
STORED_AS = {
    "STRING": r"VARCHAR|ENUM.*",
    "BOOL": "BOOLEAN",
    "INT64": NUMBER,
    "NUMERIC": NUMBER,
    "DATE": TIME,
    "TIMESTAMP": TIME,
}

# Casts that round or truncate change a value silently; detected by comparing both in a type that
# can represent either.
SAME_NUMBER = "TRY_CAST({name} AS DOUBLE) IS NOT DISTINCT FROM {cast}::DOUBLE"
SAME_DATE = (
    "TRY_CAST({name} AS TIMESTAMP) IS NOT DISTINCT FROM {cast}::TIMESTAMP AND isfinite({cast})"
)
SAME = {
    "INT64": SAME_NUMBER,
    "NUMERIC": SAME_NUMBER,
    "DATE": SAME_DATE,
    "TIMESTAMP": "isfinite({cast})",
}


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """Result of a load: `rows` by table (`dataset.name`) and season year, `notes` in sentences,
    wall time in seconds, `findings` about tables that contradict each other.
    """

    seasons: tuple[int, ...]
    rows: dict[str, dict[int, int]]
    notes: tuple[str, ...]
    seconds: float
    findings: tuple[FindingDraft, ...] = ()


@dataclass(kw_only=True)
class _Reading:
    """Folder being read: each table becomes a session table under its short name."""

    folder: Path
    db: duckdb.DuckDBPyConnection
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seasons: list[int] = field(default_factory=list)

    def one(self, sql: str) -> tuple[Any, ...]:
        """Return the first row of a query, empty if there is none."""
        return self.db.execute(sql).fetchone() or ()


def load(folder: Path, *, strict: bool = False) -> Loaded:
    """Replace every season of a folder in the warehouse.

    Raises Refused with one line per problem; then nothing was loaded. With `strict`, tables that
    contradict each other are problems too.
    """
    began = time.perf_counter()
    _look_into(folder)
    options = {"threads": settings.WAREHOUSE_THREADS, "memory_limit": settings.WAREHOUSE_MEMORY}
    with duckdb.connect(config=options) as db:
        db.execute("SET TimeZone = 'UTC'")
        reading = _Reading(folder=folder, db=db)
        for table in sorted(
            INPUTS, key=lambda t: t is not SCHED
        ):  # the calendar first: it defines the seasons
            _read(reading, table)
        if reading.problems:
            raise Refused("\n".join(reading.problems))
        conditions = {year: f"{SEASON} = {year}" for year in reading.seasons}
        findings = check_reading(db, conditions, strict=strict)
        rows = _replace(reading)
    return Loaded(
        seasons=tuple(reading.seasons),
        rows=rows,
        notes=tuple(reading.notes),
        seconds=time.perf_counter() - began,
        findings=findings,
    )


def _look_into(folder: Path) -> None:
    try:
        any(folder.iterdir())
    except OSError as error:
        raise Refused(f"cannot read the folder {folder} ({error.strerror})") from error


def _read(reading: _Reading, table: Table) -> None:
    """Read and check one table; each error becomes a problem of the reading."""
    problems, notes = len(reading.problems), len(reading.notes)
    try:
        _read_file(reading, table, input_files.find(reading.folder, table))
    except (Refused, OSError) as error:
        reading.problems.append(str(error))
    for sentences, since in ((reading.problems, problems), (reading.notes, notes)):
        sentences[since:] = [f"{table}: {sentence}" for sentence in sentences[since:]]


def _read_file(reading: _Reading, table: Table, file: Path) -> None:
    """Read a file's known columns into the table `raw` and check it."""
    with input_files.readable(file):
        names, source = input_files.opened(reading.db, file, table)
        known = ", ".join(c for c in names if c in table.by_name) or "1 AS nothing"
        reading.db.execute(f"CREATE OR REPLACE TEMP TABLE raw AS SELECT {known} FROM {source}")
    reading.problems += [f"column {c} is missing" for c in table.names if c not in names]
    if extra := [name for name in names if name not in table.by_name]:
        reading.notes.append(f"ignored, not in the schema: {', '.join(extra)}")
    if reading.one("SELECT count(*) FROM raw") == (0,):
        raise Refused("has no rows")
    _check(reading, table, is_text=file.suffix == ".csv")


def _check(reading: _Reading, table: Table, *, is_text: bool) -> None:
    """Check `raw` column by column, store it with the schema's types, then check its rows."""
    types = {name: kind for name, kind, *_ in reading.db.execute("DESCRIBE raw").fetchall()}
    usable = {
        c.name
        for c in table.columns
        if c.name in types and _fits(reading, c, types[c.name], is_text)
    }
    casts = {
        c.name: _cast(c, is_text) if c.name in usable else f"NULL::{c.duckdb_type}"
        for c in table.columns
    }
    columns = ", ".join(f"{cast} AS {name}" for name, cast in casts.items())
    reading.db.execute(f"CREATE TEMP TABLE {table.short} AS SELECT {columns} FROM raw")
    if usable.issuperset(_version(table)):
        reading.problems += _duplicates(reading, table)
    if "game_date" in usable:
        reading.problems += _dates(reading, table)


def _cast(column: Column, is_text: bool) -> str:
    """Return the cast to the schema's type, NULL for an invalid value; a time without a zone is
    UTC.
    """
    via = "TIMESTAMPTZ" if is_text and column.type == "TIMESTAMP" else column.duckdb_type
    return f"CAST(TRY_CAST({column.name} AS {via}) AS {column.duckdb_type})"


def _fits(reading: _Reading, column: Column, stored: str, is_text: bool) -> bool:
    """Report invalid values of one column; return True if further checks can use it."""
    name, kind, cast = column.name, column.type.split("(")[0], _cast(column, is_text)
    nulls, filled = reading.one(f"SELECT count(*) - count({name}), count({name}) FROM raw")
    if nulls and not column.nullable:
        reading.problems.append(f"column {name} is NULL in {_rows(nulls)}")
    if filled and not is_text and not re.fullmatch(STORED_AS[kind], stored):
        reading.problems.append(f"column {name} is {stored}; expected {column.type}")
        return False
    same = SAME.get(kind, "TRUE").format(name=name, cast=cast)
    wrong = f"{name} IS NOT NULL AND ({cast} IS NULL OR NOT ({same}))"
    count, value = (
        reading.one(f"SELECT count(*), arg_min({name}::VARCHAR, rowid) FROM raw WHERE {wrong}")
        if filled
        else (0, "")
    )
    if count:
        reading.problems.append(
            f"column {name} has {value!r}; expected {column.type} ({_rows(count)} like it)"
        )
    return True


def _version(table: Table) -> tuple[str, ...]:
    """Return the columns that identify a row version; Phase 3 can write a key again later."""
    return (*table.key, WRITTEN) if WRITTEN in table.by_name else table.key


def _duplicates(reading: _Reading, table: Table) -> Iterator[str]:
    """Report rows with equal key and time, which are ambiguous; another time is a correction by
    Phase 3.
    """
    key, version = ", ".join(table.key), ", ".join(_version(table))
    whole = " AND ".join(f"{c} IS NOT NULL" for c in _version(table))
    groups = f"SELECT {version}, count(*) - 1 AS copies FROM {table.short} WHERE {whole} GROUP BY ALL HAVING copies > 0"
    copies, *first = reading.one(
        f"SELECT sum(copies) OVER (), {key} FROM ({groups}) ORDER BY {version} LIMIT 1"
    ) or (0,)
    if copies:
        named = ", ".join(f"{c} {v}" for c, v in zip(table.key, first, strict=True))
        yield f"{_rows(int(copies))} duplicated in the key ({version}), first {named}"
    again = (
        reading.one(f"SELECT count(*) - count(DISTINCT ({key})) FROM {table.short} WHERE {whole}")[
            0
        ]
        - copies
    )
    if again:
        reading.notes.append(
            f"{_rows(int(again))} corrected by Phase 3; the latest {WRITTEN} of each key is used"
        )


def _dates(reading: _Reading, table: Table) -> Iterator[str]:
    """Report rows dated outside their own season or, without a season of their own, outside all."""
    own = f"season_year = {SEASON}" if "season_year" in table.by_name else "TRUE"
    yield from _outside(reading, table, f"NOT ({own})", "the season of its season_year")
    if table is SCHED:
        years = reading.db.execute(
            f"SELECT DISTINCT {SEASON} AS year FROM SCHED WHERE {own} ORDER BY year"
        ).fetchall()
        reading.seasons = [year for (year,) in years]
    elif reading.seasons:
        named = ", ".join(map(str, reading.seasons))
        yield from _outside(
            reading,
            table,
            f"{own} AND {SEASON} NOT IN ({named})",
            f"the seasons of the schedule ({named})",
        )


def _outside(reading: _Reading, table: Table, condition: str, what: str) -> Iterator[str]:
    count, day = reading.one(
        f"SELECT count(*), min(game_date) FROM {table.short} WHERE {condition}"
    )
    if count:
        yield f"game_date is outside {what} in {_rows(count)}, first {day}"


def _rows(count: int) -> str:
    return f"{count:,} row" + "s" * (count != 1)


def _replace(reading: _Reading) -> dict[str, dict[int, int]]:
    """Write every table and season to temporary files, then load them season by season."""
    target = writable_warehouse()
    reading.notes += [f"{write.sentence}" for write in target.unfinished() if not write.is_running]
    with tempfile.TemporaryDirectory() as temporary:
        files = {
            (t, y): Path(temporary) / f"{t.short}-{y}.parquet"
            for t in INPUTS
            for y in reading.seasons
        }
        try:
            rows = {key: _written(reading, *key, file) for key, file in files.items()}
        except duckdb.Error as error:
            raise WarehouseUnwritable(f"{temporary} is not writable: {error}") from error
        for year in reading.seasons:
            of_season = {table: files[table, year] for table in INPUTS}
            target.load(year, of_season, _record(reading.folder, year))
    return {str(t): {y: rows[t, y] for y in reading.seasons} for t in INPUTS}


def _record(folder: Path, year: int) -> UnfinishedWrite:
    return UnfinishedWrite(
        title=f"load of season {season_name(year)}",
        seasons=[year],
        began=f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
        command=f"manage.py load_phase3 {quote(str(folder.absolute()))}",
    )


def _written(reading: _Reading, table: Table, year: int, file: Path) -> int:
    order = ", ".join(dict.fromkeys(("game_date", *_version(table))))
    season = f"SELECT * FROM {table.short} WHERE {SEASON} = {year} ORDER BY {order}"
    count = int(reading.one(f"COPY ({season}) TO {input_files.quoted(file)} (FORMAT parquet)")[0])
    if not count:
        reading.notes.append(f"{table}: has no rows of season {year}")
    return count
