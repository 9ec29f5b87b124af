"""Partial load: the loaded rows of a season join the new ones, so that the checks see the season as
it will be.
"""

from __future__ import annotations

from collections.abc import Iterator

from backfill.ingest import schedule, sources
from backfill.ingest.reading import InputReading, take_schedule
from backfill.ingest.table_checks import Checked, check_duplicates, rows
from backfill.season_calendar import season_name
from backfill.warehouse import warehouse
from backfill.warehouse.schema import Table
from backfill.warehouse.tables import INPUTS, SCHED
from validation.findings.kinds import format_date_ranges


def load_known(reading: InputReading) -> None:
    """Take the seasons and the teams from the warehouse, for a selection without the schedule."""
    if years := sorted(warehouse().seasons(SCHED)):
        _add_loaded(reading, SCHED, years)
        take_schedule(reading)
        reading.db.execute("DROP TABLE SCHED")


def merge(reading: InputReading) -> None:
    """Complete every table with the loaded rows of the seasons in the new rows."""
    years = _years(reading)
    if not reading.problems:
        _check_loaded(reading, years)
    if reading.problems:
        return
    reading.seasons = years
    for table in INPUTS:
        if table in reading.selection.tables:
            reading.notes += [f"{table}: {note}" for note in _replaced(reading, table, years)]
        else:
            _create(reading, table)
            _add_loaded(reading, table, years)


def _years(reading: InputReading) -> list[int]:
    """Return the seasons of the new rows."""
    found = {
        year
        for table in reading.selection.tables
        if reading.has(table)
        for (year,) in reading.db.execute(
            f"SELECT DISTINCT {reading.season_of} FROM {table.short} WHERE game_date IS NOT NULL"
        ).fetchall()
    }
    return sorted(found)


def _check_loaded(reading: InputReading, years: list[int]) -> None:
    """Add a problem if a part of a season would be all of it."""
    others = [table for table in INPUTS if table not in reading.selection.tables]
    if absent := [y for y in years if any(y not in warehouse().seasons(t) for t in others)]:
        names = ", ".join(map(season_name, absent))
        reading.problems.append(
            f"season {names} is not loaded; load all tables first, without --tables"
        )


def _replaced(reading: InputReading, table: Table, years: list[int]) -> Iterator[str]:
    """Add the loaded rows that stay; yield notes on those that go."""
    (new,) = reading.one(f"SELECT count(*) FROM {table.short}")
    reading.db.execute(f"ALTER TABLE {table.short} RENAME TO new_rows")
    _create(reading, table)
    _add_loaded(reading, table, years)
    condition = reading.selection.condition
    if reading.selection.rows:
        key = ", ".join(table.key)
        condition = f"({key}) IN (SELECT ({key}) FROM new_rows)"
    (old,) = reading.one(f"SELECT count(*) FROM {table.short} WHERE {condition}")
    gone = reading.db.execute(
        f"SELECT game_date FROM {table.short} WHERE {condition}"
        " EXCEPT SELECT game_date FROM new_rows ORDER BY game_date"
    ).fetchall()
    reading.db.execute(f"DELETE FROM {table.short} WHERE {condition}")
    reading.db.execute(f"INSERT INTO {table.short} SELECT * FROM new_rows")
    reading.db.execute("DROP TABLE new_rows")
    merged = Checked()
    if table is SCHED:  # the loaded row of a game that was postponed to the new rows
        yield from schedule.resolve_postponed(reading.db)
    check_duplicates(reading.db, table, merged)
    reading.problems += [f"{table}: {problem}" for problem in merged.problems]
    dates = f" {reading.selection.dates_text}" if reading.selection.has_dates else ""
    yield f"{rows(new)}{dates} replace{'s' * (new == 1)} {rows(old)}"
    if gone:
        yield f"no rows any more on {format_date_ranges(day for (day,) in gone)}"


def _create(reading: InputReading, table: Table) -> None:
    columns = ", ".join(f"{column.name} {column.duckdb_type}" for column in table.columns)
    reading.db.execute(f"CREATE TEMP TABLE {table.short} ({columns})")


def _add_loaded(reading: InputReading, table: Table, years: list[int]) -> None:
    """Insert the loaded rows of these seasons into the session's table."""
    if not reading.has(table):
        _create(reading, table)
    for year in years:
        file = reading.temporary / f"loaded-{table.short}-{year}.parquet"
        if warehouse().export_season(table, year, file):
            names = ", ".join(table.names)
            reading.db.execute(
                f"INSERT INTO {table.short} SELECT {names} FROM read_parquet({sources.quoted(file)})"
            )
