"""Counts perfect, content wrong: shares of every critical column, rules that each row must keep,
numbers made again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment

from backfill import statements
from backfill.plan.planning import Key
from backfill.processors.registry import BY_NAME, PROCESSORS
from backfill.statements import environment
from backfill.statements.fragments import BY_SHORT, TOOK_PART
from backfill.warehouse import warehouse
from backfill.warehouse.port import Row
from backfill.warehouse.season_cache import cached_for_season
from backfill.warehouse.tables import INPUTS
from validation.columns import CRITICAL, FEATURES, OUTPUTS, Critical
from validation.columns import SOURCES as PHASE3
from validation.findings import content
from validation.findings.content import MIN_REFERENCE_DATES, Jump, Share, Violation
from validation.season import season_year

# How many rows of an output have their games counted again, and for how many dates the league is.
MOST_RECOUNTED, MOST_LEAGUE_DATES = 2000, 30
# How far back the games lie, in the main, of which the numbers of a date are made.
WINDOW = timedelta(days=21)


@cache
def _environment() -> Environment:
    made = environment(Path(__file__).parent / "sql")
    made.globals.update(
        processors=PROCESSORS,
        numbers={code: p.numbers for code, p in PROCESSORS.items()},
        played=f"IFNULL(is_active, FALSE) AND {TOOK_PART}",
        most=MOST_RECOUNTED,
        most_dates=MOST_LEAGUE_DATES,
    )
    return made


@cache
def render(name: str, table: str = "") -> str:
    """The GoogleSQL of one question, of the whole of a table where it is asked of several. Its
    parameter is season_start.
    """
    values = _of_table(table) if table else {}
    return _environment().get_template(f"{name}.sql").render(values)


def _of_table(short: str) -> dict[str, object]:
    table = BY_SHORT[short]
    is_output = short in OUTPUTS
    return {
        "table": table,
        "key": ", ".join(table.key),
        "partition": table.partition,
        "is_source": not is_output,
        "rows": f"judged_{short.lower()}" if is_output else str(table),
        "columns": [_value(column) for column in CRITICAL.get(short, ())],
    }


def _value(column: Critical) -> tuple[str, str, tuple[str, ...]]:
    """How a column is read, of which type it is, and what it is watched for."""
    declared = BY_SHORT[column.table].by_name.get(column.name)
    read = column.name if declared else f"features[SAFE_OFFSET({FEATURES.index(column.name)})]"
    return read, declared.type if declared else "FLOAT64", tuple(map(str, column.watched))


def shares(season_start: date) -> list[Share]:
    """Every critical column by date: of Phase 3 the whole season, of the outputs what is staged."""
    return _shares(season_start, (*PHASE3, *OUTPUTS))


def _shares(season_start: date, tables: Sequence[str]) -> list[Share]:
    return [
        share
        for table in tables
        for row in warehouse().query(render("shares", table), {"season_start": season_start})
        for share in _by_column(table, row)
    ]


def _by_column(table: str, row: Row) -> Iterator[Share]:
    day, rows, *counts = row.values()
    for n, column in enumerate(CRITICAL[table]):
        yield Share(table, column.name, day, rows, *counts[3 * n : 3 * n + 3])


class _SeasonContent(NamedTuple):
    """What a season of Phase 3 alone decides: jumps of its columns, and per (table, date) rows that
    repeat another one.
    """

    jumps: list[Jump]
    repeated: dict[tuple[str, date], int]


def _of_season(season_start: date) -> _SeasonContent:
    def make() -> _SeasonContent:
        return _SeasonContent(content.jumps(_shares(season_start, PHASE3)), _repeated(season_start))

    return cached_for_season("content", season_year(season_start), INPUTS, make)


def _repeated(season_start: date) -> dict[tuple[str, date], int]:
    return {
        (str(table), row["d"]): row["n"]
        for table in INPUTS
        for row in warehouse().query(
            render("repeated", table.short), {"season_start": season_start}
        )
    }


def repeated_inputs(season_start: date) -> dict[tuple[str, date], int]:
    """Of each Phase 3 table (`dataset.name`) and date, the rows about what another row is about
    already.
    """
    return _of_season(season_start).repeated


def jumps(season_start: date, dates: Sequence[date]) -> list[Jump]:
    """What jumped on these dates, or shortly before them, so that their windows hold it.
    `reading.stage` comes first.

    A few dates have none before them to be held against, of the outputs.
    """
    staged = OUTPUTS if len(dates) > MIN_REFERENCE_DATES else ()
    found = [*_of_season(season_start).jumps, *content.jumps(_shares(season_start, staged))]
    return [
        jump
        for jump in content.folded(found)
        if jump.dates[0] <= dates[-1] and jump.dates[-1] >= dates[0] - WINDOW
    ]


def violations(season_start: date, codes: Sequence[str] = OUTPUTS) -> list[Violation]:
    """Staged rows that break a rule of their table, or hold other numbers than their sources make.

    The numbers that need a window of games are made again for a sample of the rows.
    """
    for name in ("recounted_players", "recounted_teams"):
        warehouse().stage(name, render(name), {"season_start": season_start})
    found = [violation for code in codes for violation in _broken(code, season_start)]
    there = _staged() if found else set()
    return [
        violation
        for needed, violation in found
        if all((code, violation.date) in there for code in needed)
    ]


def _broken(code: str, season_start: date) -> Iterator[tuple[list[str], Violation]]:
    """Each with the outputs without which it tells only that they are not there, which is told
    elsewhere.
    """
    found: dict[tuple[str, date], list[Row]] = defaultdict(list)
    for row in warehouse().query(render(code.lower()), {"season_start": season_start}):
        for digit, told in zip(row["broken"], row["checks"].split(";"), strict=True):
            if digit == "1":
                found[told, row["d"]].append(row)
    for (told, day), rows in sorted(found.items()):
        check, needed, sentence = told.split("|")
        count, sample = sum(row["n"] for row in rows), min(row["sample"] for row in rows)
        yield needed.split(), Violation(check, code, day, count, sample, sentence)


def _staged() -> set[Key]:
    """The (processor, date) of which a row or a failure is staged."""
    everything = statements.render("staged-keys", processors=tuple(PROCESSORS.values()))
    return {(BY_NAME[row["name"]].code, row["d"]) for row in warehouse().query(everything)}
