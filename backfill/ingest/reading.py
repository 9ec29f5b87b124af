"""Phase 3 files, read into a DuckDB session and checked completely; nothing is written yet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from backfill.errors import Refused
from backfill.ingest import input_files, schedule, sources
from backfill.ingest.input_files import PARQUET, InputFile, InputFolder, listed
from backfill.ingest.selection import LoadSelection
from backfill.ingest.table_checks import Checked, check_table, notes_on_types, rows
from backfill.ingest.text_files import cleaned
from backfill.ingest.vocabularies import TEAM_COLUMNS
from backfill.season_calendar import season_name
from backfill.warehouse.duckdb_options import connect, duckdb_options, scratch
from backfill.warehouse.schema import Table
from backfill.warehouse.tables import SCHED
from validation.season import FINAL, SEASON_TYPES

# Names that pandas gives to the index of a DataFrame.
INDEX_COLUMNS = ("", "unnamed:_0", "__index_level_0__", "level_0", "index")


@dataclass(kw_only=True)
class InputReading:
    """Input being read: each table becomes a session table under its short name.

    `seasons` are the years of the schedule, for part of the tables those loaded before.
    """

    path: Path
    selection: LoadSelection
    db: duckdb.DuckDBPyConnection
    temporary: Path
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seasons: list[int] = field(default_factory=list)
    teams: frozenset[str] = frozenset()
    season_of: str = schedule.USUAL  # SQL for the season year of a game_date

    @property
    def conditions(self) -> dict[int, str]:
        """SQL condition of the rows of each season."""
        return {year: f"{self.season_of} = {year}" for year in self.seasons}

    def one(self, sql: str) -> tuple[Any, ...]:
        """Return the first row of a query, empty if there is none."""
        return self.db.execute(sql).fetchone() or ()

    def has(self, table: Table) -> bool:
        """Return True if the session has this table."""
        found = f"SELECT 1 FROM duckdb_tables() WHERE table_name = '{table.short}'"
        return bool(self.one(found))

    def check(self) -> None:
        """Raise Refused with one line per problem, if there is any."""
        if self.problems:
            raise Refused("\n".join(self.problems))


@contextmanager
def session(path: Path, selection: LoadSelection) -> Iterator[InputReading]:
    """Open a session for an input, with a temporary folder for its files."""
    with scratch().folder() as temporary, connect(duckdb_options()) as db:
        db.execute("SET TimeZone = 'UTC'")
        yield InputReading(path=path, selection=selection, db=db, temporary=temporary)


def read(reading: InputReading) -> None:
    """Read and check every selected table; errors become problems. Raises Refused for no folder."""
    folder = reading.temporary / "input"
    folder.mkdir()
    found = input_files.find(reading.path, folder)
    found.name_only_file(reading.selection.tables)
    # The schedule first: it defines the seasons and the teams.
    tables = sorted(reading.selection.tables, key=lambda table: table is not SCHED)
    if missing := found.missing(tables):
        reading.problems.append(missing)
    problems: list[tuple[Table, str]] = []
    for table in tables:
        if table in found.forms:
            problems += [(table, text) for text in _read(reading, table, found)]
    reading.problems += _merged(problems)


def _merged(problems: Iterable[tuple[Table, str]]) -> list[str]:
    """Return a line per problem; the same one in several tables is one line."""
    tables: dict[str, list[str]] = defaultdict(list)
    for table, text in problems:
        tables[text].append(str(table))
    return [f"{listed(names, most=6)}: {text}" for text, names in tables.items()]


def _read(reading: InputReading, table: Table, found: InputFolder) -> list[str]:
    """Read and check one table; return its problems."""
    result = Checked()
    try:
        _read_files(reading, table, found.files(table), result)
    except (Refused, OSError) as error:
        result.problems.append(str(error))
    if table is SCHED and "game_date" in result.usable:
        result.problems += take_schedule(reading)
    reading.notes += [f"{table}: {note}" for note in result.notes]
    return result.problems


def _read_files(
    reading: InputReading, table: Table, files: list[InputFile], result: Checked
) -> None:
    """Read the known columns of a table's files into the table `raw` and check it."""
    folder = reading.temporary / table.short
    folder.mkdir()
    files = sources.prepared(files, table, folder)
    name = files[0].name if len(files) == 1 else f"one of {len(files):,} files of {table.name}"
    with sources.readable(name, is_parquet=files[0].suffix in PARQUET):
        source = sources.source_of(reading.db, files, table, folder)
        reading.db.execute(f"CREATE OR REPLACE TEMP TABLE raw AS {source.sql}")
    _check_names(source.names, table, result)
    if reading.one("SELECT count(*) FROM raw") == (0,):
        raise Refused("has no rows")
    check_table(reading.db, table, source, reading.teams, result)
    if reading.selection.has_dates:
        _drop_other_dates(reading, table, result)
    if "game_date" in result.usable and table is not SCHED:
        result.problems += _dates(reading, table)


def _check_names(names: Iterable[str], table: Table, result: Checked) -> None:
    found = [cleaned(name) for name in names]
    missing = [c for c in table.names if c not in found]
    extra = [name for name, c in zip(names, found, strict=True) if c not in table.by_name]
    index = [name or "a column without a name" for name in extra if cleaned(name) in INDEX_COLUMNS]
    if len(missing) == len(table.names):
        raise Refused(f"no column of the table is in the header; found: {listed(extra)}")
    if missing:
        plural = "column {} is" if len(missing) == 1 else "columns {} are"
        result.problems.append(f"{plural.format(listed(missing, most=30))} missing")
    if index:
        result.notes.append(
            f"ignored, the index of a pandas DataFrame: {listed(index)}; write it with index=False"
        )
    if other := [name for name in extra if cleaned(name) not in INDEX_COLUMNS]:
        result.notes.append(f"ignored, not in the schema: {listed(other, most=30)}")


def _drop_other_dates(reading: InputReading, table: Table, result: Checked) -> None:
    if "game_date" not in result.usable:
        return
    outside = f"NOT ({reading.selection.condition})"
    (left,) = reading.one(f"SELECT count(*) FROM {table.short} WHERE {outside}")
    reading.db.execute(f"DELETE FROM {table.short} WHERE {outside} OR game_date IS NULL")
    if left:
        result.notes.append(f"{rows(left)} on other dates ignored")
    if reading.one(f"SELECT count(*) FROM {table.short}") == (0,):
        raise Refused(f"has no rows {reading.selection.dates_text}")


def _dates(reading: InputReading, table: Table) -> Iterator[str]:
    """Report rows dated outside their own season or, without a season of their own, outside all."""
    own = f"season_year = {reading.season_of}" if "season_year" in table.by_name else "TRUE"
    yield from _outside(reading, table, f"NOT ({own})", "the season of its season_year")
    named = ", ".join(map(str, reading.seasons))
    if named:
        outside = f"{own} AND {reading.season_of} NOT IN ({named})"
        is_loaded = SCHED not in reading.selection.tables
        seasons = "the loaded seasons" if is_loaded else "the seasons of the schedule"
        yield from _outside(reading, table, outside, f"{seasons} ({named})")


def _outside(reading: InputReading, table: Table, condition: str, what: str) -> Iterator[str]:
    count, day = reading.one(
        f"SELECT count(*), min(game_date) FROM {table.short} WHERE {condition}"
    )
    if count:
        yield f"game_date is outside {what} in {rows(count)}, first {day}"


def take_schedule(reading: InputReading) -> list[str]:
    """Take the seasons and the teams from the session's schedule; return its contradictions."""
    dates, reading.seasons, contradictions = schedule.season_dates(reading.db, reading.selection)
    reading.season_of = schedule.season_of(dates, reading.seasons)
    columns = [column for column in TEAM_COLUMNS if column in SCHED.by_name]
    codes = " UNION ".join(f"SELECT {c} FROM SCHED WHERE {c} IS NOT NULL" for c in columns)
    reading.teams = frozenset(code for (code,) in reading.db.execute(codes).fetchall())
    return contradictions


def check_opens(reading: InputReading, years: Iterable[int]) -> None:
    """Add a problem for each season of the session's schedule without a processing date."""
    types = ", ".join(f"'{kind}'" for kind in SEASON_TYPES)
    for year in years:
        season = f"FROM SCHED WHERE season_year = {year}"
        regular = f"game_status = {FINAL} AND season_type = 'regular'"
        (opened,) = reading.one(
            f"SELECT count(*) {season} AND game_status = {FINAL} AND season_type IN ({types})"
            f" AND game_date >= (SELECT min(game_date) {season} AND {regular})"
        )
        if not opened:
            reading.problems.append(f"{SCHED}: {_closed(reading, year, season)}")
    reading.notes += notes_on_types(reading.db, years)


def _closed(reading: InputReading, year: int, season: str) -> str:
    kinds = reading.db.execute(
        f"SELECT season_type, game_status, count(*) AS n {season} GROUP BY ALL ORDER BY n DESC, season_type, game_status"
    ).fetchall()
    found = listed([f"{n:,} with {kind} and {status}" for kind, status, n in kinds])
    return (
        f"season {season_name(year)} would open no date: no game has season_type regular and"
        f" game_status {FINAL} (final); found {found}"
    )
