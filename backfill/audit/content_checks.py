"""Content checks of stored rows: NULL and zero shares of critical columns, row rules, and
recomputed numbers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from backfill import column_shares, statements
from backfill.models import Key
from backfill.processors.registry import BY_NAME, PROCESSORS
from backfill.statements import environment
from backfill.statements.fragments import TOOK_PART
from backfill.warehouse import warehouse
from backfill.warehouse.port import Row
from backfill.warehouse.season_cache import cached_for_season
from backfill.warehouse.tables import INPUTS
from validation.columns import OUTPUTS
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


@cache
def render(name: str) -> str:
    """Return the GoogleSQL of a check. Its parameter is season_start."""
    return _environment().get_template(f"{name}.sql").render()


def shares(season_start: date) -> list[Share]:
    """Return the shares of every counted column by date: of Phase 3 for the whole season, of the
    outputs for the staged dates.
    """
    return [*column_shares.of_season(season_start), *output_shares(season_start)]


def output_shares(season_start: date) -> list[Share]:
    """Return the shares of staged outputs; their rows have no team, but those of the context do."""
    teams = {s.date: s.teams for s in column_shares.of_season(season_start) if s.table == "UPGC"}
    found = column_shares.shares(column_shares.ask_warehouse, season_start, OUTPUTS)
    return [share._replace(teams=teams.get(share.date, 0)) for share in found]


class _SeasonContent(NamedTuple):
    """Content checks that depend on Phase 3 alone: column jumps, and duplicate rows per (table,
    date).
    """

    jumps: list[Jump]
    repeated: dict[tuple[str, date], int]


def _of_season(season_start: date) -> _SeasonContent:
    def make() -> _SeasonContent:
        return _SeasonContent(
            content.jumps(column_shares.of_season(season_start)), _repeated(season_start)
        )

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


def input_jumps(season_start: date) -> list[Jump]:
    """Return the column jumps of Phase 3, one per column."""
    return _of_season(season_start).jumps


def jumps(season_start: date, dates: Sequence[date], outputs: Iterable[Share]) -> list[Jump]:
    """Return the column jumps on these dates, and before them within their windows, of Phase 3 and
    of the outputs with these shares.

    Outputs of a few dates are not checked, because there are no dates before them to compare with.
    """
    in_phase3, compared = (
        column_shares.of_season(season_start),
        outputs if len(dates) > MIN_REFERENCE_DATES else (),
    )
    found = [*_of_season(season_start).jumps, *content.jumps(compared, in_phase3)]
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
