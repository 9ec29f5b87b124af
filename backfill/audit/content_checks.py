"""Content checks of stored rows: NULL and zero shares of critical columns, row rules, and
recomputed numbers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from backfill import statements
from backfill.models import Key
from backfill.processors.registry import BY_NAME, PROCESSORS
from backfill.statements import environment
from backfill.statements.fragments import TOOK_PART
from backfill.warehouse import warehouse
from backfill.warehouse.port import Row
from backfill.warehouse.season_cache import cached_for_season
from backfill.warehouse.tables import BY_SHORT, INPUTS
from validation.columns import FEATURES, OUTPUTS, Critical, watched_columns
from validation.columns import SOURCES as PHASE3
from validation.findings import content
from validation.findings.content import MIN_REFERENCE_DATES, Jump, Share, Violation
from validation.season import opened_season_year

if TYPE_CHECKING:
    from jinja2 import Environment

FOLDER = Path(__file__).parent / "sql"
# Sample sizes: rows whose games are recounted, and dates whose league numbers are recomputed.
MOST_RECOUNTED, MOST_LEAGUE_DATES = 2000, 30
# Period of most games behind the numbers of a date.
WINDOW = timedelta(days=21)


@cache
def _environment() -> Environment:
    made = environment(FOLDER)
    made.globals.update(
        processors=PROCESSORS,
        played=f"IFNULL(is_active, FALSE) AND {TOOK_PART}",
        most=MOST_RECOUNTED,
        most_dates=MOST_LEAGUE_DATES,
    )
    return made


def render(name: str, table: str = "") -> str:
    """Return the GoogleSQL of a check, of a whole table if one is named. Its parameter is
    season_start.
    """
    return _rendered(name, table, watched_columns(table) if table else ())


@cache
def _rendered(name: str, table: str, watched: tuple[Critical, ...]) -> str:
    values = _of_table(table, watched) if table else {}
    return _environment().get_template(f"{name}.sql").render(values)


def _of_table(short: str, watched: tuple[Critical, ...]) -> dict[str, object]:
    table = BY_SHORT[short]
    is_output = short in OUTPUTS
    return {
        "table": table,
        "key": ", ".join(table.key),
        "partition": table.partition,
        "is_source": not is_output,
        "rows": f"judged_{short.lower()}" if is_output else str(table),
        "columns": [_value(column) for column in watched],
    }


def _value(column: Critical) -> tuple[str, str, tuple[str, ...]]:
    """Return how a column is read, its type, and the shares that are watched."""
    declared = BY_SHORT[column.table].by_name.get(column.name)
    read = column.name if declared else f"features[SAFE_OFFSET({FEATURES.index(column.name)})]"
    return read, declared.type if declared else "FLOAT64", tuple(map(str, column.watched))


def shares(season_start: date) -> list[Share]:
    """Return the shares of every critical column by date: of Phase 3 for the whole season, of the
    outputs for the staged dates.
    """
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
    for n, column in enumerate(watched_columns(table)):
        yield Share(table, column.name, day, rows, *counts[3 * n : 3 * n + 3])


class _SeasonContent(NamedTuple):
    """Content checks that depend on Phase 3 alone: column jumps, and duplicate rows per (table,
    date).
    """

    jumps: list[Jump]
    repeated: dict[tuple[str, date], int]


def _of_season(season_start: date) -> _SeasonContent:
    def make() -> _SeasonContent:
        return _SeasonContent(content.jumps(_shares(season_start, PHASE3)), _repeated(season_start))

    return cached_for_season("content", opened_season_year(season_start), INPUTS, make)


def _repeated(season_start: date) -> dict[tuple[str, date], int]:
    return {
        (str(table), row["d"]): row["n"]
        for table in INPUTS
        for row in warehouse().query(
            statements.render("repeated-rows", table=table), {"season_start": season_start}
        )
    }


def repeated_inputs(season_start: date) -> dict[tuple[str, date], int]:
    """Return the number of duplicate rows per Phase 3 table (`dataset.name`) and date."""
    return _of_season(season_start).repeated


def jumps(season_start: date, dates: Sequence[date]) -> list[Jump]:
    """Return the column jumps on these dates, and before them within their windows. Requires
    `load.stage`.

    Outputs of a few dates are not checked, because there are no dates before them to compare with.
    """
    staged = OUTPUTS if len(dates) > MIN_REFERENCE_DATES else ()
    found = [*_of_season(season_start).jumps, *content.jumps(_shares(season_start, staged))]
    return [
        jump
        for jump in content.folded(found)
        if jump.dates[0] <= dates[-1] and jump.dates[-1] >= dates[0] - WINDOW
    ]


def violations(season_start: date, codes: Sequence[str] = OUTPUTS) -> list[Violation]:
    """Return staged rows that break a rule of their table, or differ from the numbers recomputed
    from their sources.

    Numbers over a window of games are recomputed for a sample of the rows.
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
    """Yield each violation with the outputs that its check compares. Without them it would only
    repeat a finding about missing output.
    """
    found: dict[tuple[str, date], list[Row]] = defaultdict(list)
    for row in _checked(code, season_start):
        for digit, check in zip(row["broken"], row["checks"].split(";"), strict=True):
            if digit == "1":
                found[check, row["d"]].append(row)
    for (text, day), rows in sorted(found.items()):
        check, needed, sentence = text.split("|")
        count, sample = sum(row["n"] for row in rows), min(row["sample"] for row in rows)
        yield (
            needed.split(),
            Violation(
                check=check, processor=code, date=day, count=count, sample=sample, sentence=sentence
            ),
        )


def _checked(code: str, season_start: date) -> list[Row]:
    """Return the checked rows of a processor; none for a processor without content checks."""
    if not (FOLDER / f"{code.lower()}.sql").exists():
        return []
    return warehouse().query(render(code.lower()), {"season_start": season_start})


def _staged() -> set[Key]:
    """Return the (processor, date) pairs with a staged row or failure."""
    everything = statements.render("staged-keys", processors=tuple(PROCESSORS.values()))
    return {(BY_NAME[row["name"]].code, row["d"]) for row in warehouse().query(everything)}
