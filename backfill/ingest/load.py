"""Phase 3 loading: an input is read and checked completely before the warehouse changes.

The input is a folder, a zip archive or a file with the tables of `nba_analytics` and
`nba_reference.nba_schedule` (`input_files`). Whole seasons are replaced, or the tables and dates of
a selection.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote

import duckdb

from backfill.errors import WarehouseUnwritable
from backfill.ingest import merging, reading, sources
from backfill.ingest.load_checks import check_reading
from backfill.ingest.reading import InputReading
from backfill.ingest.selection import LoadSelection
from backfill.ingest.table_checks import version_columns
from backfill.season_calendar import season_name
from backfill.warehouse import warehouse, writable_warehouse
from backfill.warehouse.port import UnfinishedWrite
from backfill.warehouse.schema import Table
from backfill.warehouse.tables import SCHED
from validation.findings.kinds import FindingDraft

EVERYTHING = LoadSelection()


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """Result of a load: `rows` by table (`dataset.name`) and season year, `notes` in sentences,
    wall time in seconds.
    """

    seasons: tuple[int, ...]
    rows: dict[str, dict[int, int]]
    notes: tuple[str, ...]
    seconds: float
    findings: tuple[FindingDraft, ...] = ()


@dataclass(frozen=True, kw_only=True)
class CheckedInput:
    """Input as it would be loaded: its session, and per season the version that it replaces."""

    reading: InputReading
    replaces: dict[int, str]


def load(path: Path, selection: LoadSelection = EVERYTHING, *, strict: bool = False) -> Loaded:
    """Replace every season of an input in the warehouse, or the selected part of it.

    Raises Refused with one line per problem; then nothing was loaded. With `strict`, tables that
    contradict each other are problems too.
    """
    began = time.perf_counter()
    with checked_input(path, selection) as found:
        found.reading.check()
        findings = check_reading(found.reading.db, found.reading.conditions, strict=strict)
        rows = _replace(found)
        return Loaded(
            seasons=tuple(found.reading.seasons),
            rows=rows,
            notes=tuple(found.reading.notes),
            seconds=time.perf_counter() - began,
            findings=findings,
        )


@contextmanager
def checked_input(path: Path, selection: LoadSelection = EVERYTHING) -> Iterator[CheckedInput]:
    """Read and check an input; its problems stay in the reading. Raises Refused for no input."""
    with reading.session(path, selection) as session:
        replaces: dict[int, str] = {}
        if selection.is_partial:
            # Before the rows, so that a load in between is noticed.
            years = warehouse().seasons(SCHED)
            replaces = {year: warehouse().season_version(year) for year in years}
            if SCHED not in selection.tables:
                merging.load_known(session)
        reading.read(session)
        if selection.is_partial:
            merging.merge(session)
        if not session.problems:
            reading.check_opens(session, session.seasons)
        yield CheckedInput(reading=session, replaces=replaces)


def _replace(found: CheckedInput) -> dict[str, dict[int, int]]:
    """Write every selected table and season to temporary files, then load them season by season."""
    target, session = writable_warehouse(), found.reading
    session.notes += [f"{write.sentence}" for write in target.unfinished() if not write.is_running]
    files, rows = written_files(session)
    for year in session.seasons:
        of_season = {table: files[table, year] for table in session.selection.tables}
        target.load(year, of_season, _record(session, year), found.replaces.get(year))
        # On BigQuery, the load of one season changes the version of all.
        found.replaces.update({y: target.season_version(y) for y in found.replaces})
    return {
        str(table): {year: rows[table, year] for year in session.seasons}
        for table in session.selection.tables
    }


def _record(session: InputReading, year: int) -> UnfinishedWrite:
    command = (
        f"manage.py load_phase3 {quote(str(session.path.absolute()))}{session.selection.flags}"
    )
    return UnfinishedWrite(
        title=f"load of season {season_name(year)}",
        seasons=[year],
        began=f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
        command=command,
    )


Part = tuple[Table, int]


def written_files(
    session: InputReading, tables: Sequence[Table] = ()
) -> tuple[dict[Part, Path], dict[Part, int]]:
    """Write a file per table and season, by default of the selected tables; return the files and
    their rows. Raises WarehouseUnwritable.
    """
    chosen = tables or session.selection.tables
    parts = [(table, year) for table in chosen for year in session.seasons]
    files = {(t, y): session.temporary / f"{t.short}-{y}.parquet" for t, y in parts}
    try:
        return files, {part: _written(session, *part, files[part]) for part in parts}
    except duckdb.Error as error:
        raise WarehouseUnwritable(f"{session.temporary} is not writable: {error}") from error


def _written(session: InputReading, table: Table, year: int, file: Path) -> int:
    order = ", ".join(dict.fromkeys(("game_date", *version_columns(table))))
    season = f"SELECT * FROM {table.short} WHERE {session.conditions[year]} ORDER BY {order}"
    count = int(session.one(f"COPY ({season}) TO {sources.quoted(file)} (FORMAT parquet)")[0])
    if not count:
        session.notes.append(f"{table}: has no rows of season {year}")
    return count
