"""Shares of NULL, zero and equal values of each watched column by date, in Phase 3 and in outputs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import Any

from backfill.statements import render
from backfill.warehouse import warehouse
from backfill.warehouse.port import Row
from backfill.warehouse.season_cache import cached_for_season
from backfill.warehouse.tables import BY_SHORT, INPUTS
from validation.columns import FEATURES, Critical, columns_of_every_team, counted_columns
from validation.columns import SOURCES as PHASE3
from validation.findings.content import Share
from validation.season import opened_season_year

# Runs one SELECT, given its text and its parameters.
Ask = Callable[[str, dict[str, Any]], list[Row]]
TEAMS = {
    "PGS": "team_abbr",
    "TDGS": "defending_team_abbr",
    "TOGS": "team_abbr",
    "UPGC": "team_abbr",
    "UTGC": "team_abbr",
}


def ask_warehouse(sql: str, params: dict[str, Any]) -> list[Row]:
    """Run one SELECT in the warehouse."""
    return warehouse().query(sql, params)


def shares(ask: Ask, season_start: date, tables: Iterable[str]) -> list[Share]:
    """Return the shares of every counted column by date: of Phase 3 for the season, of the outputs
    for the staged dates.
    """
    return [
        share
        for table in tables
        for row in ask(statement(table), {"season_start": season_start})
        for share in _by_column(table, counted_columns(table), row)
    ]


def statement(short: str, *, by_team: bool = False) -> str:
    """Return the GoogleSQL of a table's shares by date, or by team; its parameter is
    season_start.
    """
    is_source = short in PHASE3
    table = BY_SHORT[short]
    return render(
        "column-shares",
        partition=TEAMS[short] if by_team else table.partition,
        team=TEAMS.get(short, ""),
        rows=str(table) if is_source else f"judged_{short.lower()}",
        is_source=is_source,
        columns=tuple(map(_value, _columns(short, by_team))),
    )


def _columns(table: str, by_team: bool) -> tuple[Critical, ...]:
    return columns_of_every_team(table) if by_team else counted_columns(table)


def _value(column: Critical) -> tuple[str, str]:
    """Return how a column is read, and its type."""
    declared = BY_SHORT[column.table].by_name.get(column.name)
    read = column.name if declared else f"features[SAFE_OFFSET({FEATURES.index(column.name)})]"
    return read, declared.type if declared else "FLOAT64"


def _by_column(table: str, columns: Iterable[Critical], row: Row) -> Iterator[Share]:
    day, rows, teams, *counts = row.values()
    for n, column in enumerate(columns):
        nulls, zeros, distinct, value = counts[4 * n : 4 * n + 4]
        yield Share(
            table=table,
            column=column.name,
            date=day,
            rows=rows,
            nulls=nulls,
            zeros=zeros,
            distinct=distinct,
            teams=teams,
            value=value if distinct == 1 else None,
        )


def shares_of_teams(ask: Ask, season_start: date) -> dict[str, list[Share]]:
    """Return the shares of the columns that vary for every team in a whole season, by team; their
    date is the first of the season.
    """
    found: dict[str, list[Share]] = {}
    for table in PHASE3:
        if columns := columns_of_every_team(table):
            for row in ask(statement(table, by_team=True), {"season_start": season_start}):
                of_team = (s._replace(date=season_start) for s in _by_column(table, columns, row))
                found.setdefault(str(row["d"]), []).extend(of_team)
    return found


def of_season(season_start: date) -> list[Share]:
    """Return the shares of Phase 3 of a loaded season."""

    def make() -> list[Share]:
        return shares(ask_warehouse, season_start, PHASE3)

    return cached_for_season("column shares", opened_season_year(season_start), INPUTS, make)
