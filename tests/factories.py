"""Small made-up data: a season of two games as Phase 3 files, and Phase 4 rows written through the
port.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from functools import cache
from pathlib import Path

import duckdb
import pyarrow as pa
from pyarrow import parquet

from backfill.warehouse import warehouse
from backfill.warehouse.port import Row
from backfill.warehouse.schema import Column, Table
from backfill.warehouse.tables import INPUTS

HOME, AWAY = "BOS", "NYK"
PLAYERS = {HOME: "homer", AWAY: "awad"}
DEFAULTS = {
    "STRING": "x",
    "INT64": 0,
    "BOOL": False,
    "TIMESTAMP": datetime(2021, 12, 1, 10),
    "ARRAY<FLOAT64>": [0.5],
    "ARRAY<STRING>": ["x"],
}


def make_row(table: Table, **values: object) -> Row:
    """Make a row of the values that have a column; others are NULL or, if required, any value."""
    return {
        c.name: values.get(c.name, None if c.nullable else DEFAULTS.get(c.type, 0))
        for c in table.columns
    }


# Phase 3


def make_games(year: int) -> list[Row]:
    """Make two final games of one season: opening night, and three weeks later."""
    dates = date(year, 10, 20), date(year, 11, 10)
    return [
        {"game_id": f"002{year % 100:02}{n:05}", "game_date": d, "season_year": year}
        for n, d in enumerate(dates, 1)
    ]


def game_rows(table: Table, game: Row) -> list[Row]:
    """Make the rows of one game in an input table: one for the schedule, else one per side."""
    common = {
        **game,
        "processed_at": datetime.combine(game["game_date"] + timedelta(days=1), time(10)),
        "is_active": True,
    }
    if table.short == "SCHED":
        return [
            make_row(
                table,
                **common,
                home_team_abbr=HOME,
                away_team_abbr=AWAY,
                game_status=3,
                season_type="regular",
            )
        ]
    sides, team = (
        ((HOME, AWAY), (AWAY, HOME)),
        "defending_team_abbr" if table.short == "TDGS" else "team_abbr",
    )
    return [
        make_row(
            table,
            **common,
            **{team: us},
            opponent_team_abbr=them,
            player_lookup=PLAYERS[us],
            fg_attempts=7,
        )
        for us, them in sides
    ]


def phase3_folder(
    folder: Path, *, years: Sequence[int] = (2021,), suffix: str = ".parquet", **rows: list[Row]
) -> Path:
    """Write a valid folder; `pgs=[...]` replaces the rows of that table."""
    for table in INPUTS:
        made = [
            row for year in years for game in make_games(year) for row in game_rows(table, game)
        ]
        write_rows(file_of(folder, table, suffix), table, rows.get(table.short.lower(), made))
    return folder


def file_of(folder: Path, table: Table, suffix: str = ".parquet") -> Path:
    """Return the file of a table in a folder."""
    return folder / table.dataset / f"{table.name}{suffix}"


def write_rows(file: Path, table: Table, rows: Iterable[Row]) -> Path:
    """Write rows as one file with the schema's columns and types."""
    file.parent.mkdir(parents=True, exist_ok=True)
    written = pa.Table.from_pylist(
        [{name: row[name] for name in table.names} for row in rows], schema=_arrow_schema(table)
    )
    if file.suffix == ".csv":
        duckdb.from_arrow(written).write_csv(str(file))
    else:
        parquet.write_table(written, file)
    return file


@cache
def _arrow_schema(table: Table) -> pa.Schema:
    with duckdb.connect() as db:
        columns = ", ".join(f"CAST(NULL AS {c.duckdb_type}) AS {c.name}" for c in table.columns)
        return db.sql(f"SELECT {columns}").to_arrow_table().schema


def rewrite(file: Path, select: str) -> Path:
    """Replace a Parquet file by the result of a DuckDB statement on table `t`."""
    with duckdb.connect() as db:
        db.execute(f"CREATE TABLE t AS SELECT * FROM '{file}'")
        db.execute(f"COPY ({select}) TO '{file}' (FORMAT parquet)")
    return file


# Phase 4


def store(table: Table, rows: Sequence[Row]) -> None:
    """Replace the partitions (of the failures: the slices) that these rows belong to."""
    for name in sorted({row["processor_name"] for row in rows}) if table.kind == "log" else [""]:
        mine = [row for row in rows if not name or row["processor_name"] == name]
        warehouse().stage("made", " UNION ALL ".join(_select(table, row) for row in mine), {})
        dates = sorted({row[table.partition] for row in mine})
        warehouse().replace(table, dates, "SELECT * FROM made", {}, name)


def _select(table: Table, row: Row) -> str:
    return "SELECT " + ", ".join(f"{_literal(c, row[c.name])} AS {c.name}" for c in table.columns)


def _literal(column: Column, value: object) -> str:
    if value is None or isinstance(value, bool | int | float | list):
        return "NULL" if value is None else str(value)
    return f"{column.type if column.type in ('DATE', 'TIMESTAMP') else ''} '{value}'"
