"""Checks of the Phase 3 tables of a season against each other, with the same queries for tables
that are being loaded and for the warehouse.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from backfill import column_shares
from backfill.column_shares import TEAMS, Ask, ask_warehouse
from backfill.statements import render
from backfill.statements.fragments import literal
from backfill.warehouse.port import Row
from backfill.warehouse.season_cache import cached_for_season
from backfill.warehouse.tables import INPUTS, SCHED
from validation.columns import SOURCES as PHASE3
from validation.findings.content import Share
from validation.inputs import constants, names, numbers, sides
from validation.inputs.differences import GameSide
from validation.inputs.names import Alone
from validation.inputs.numbers import SUMS, EmptyColumn, SumRow, ZoneRow
from validation.inputs.problem import InputProblem
from validation.inputs.sides import Repeated
from validation.season import opened_season_year

# Rows dated so many days before opening night are searched for its games.
SHIFT_DAYS = 2
GAME_TABLES = tuple(table for table in INPUTS if table is not SCHED)
# Tables of the sums: the defense, the offense that it faced, and the players of that offense; those
# of the defense itself if both teams are swapped.
ROLES = {"TDGS": "d", "TOGS": "o", "PGS": "p"}
PLAYERS_OF_THE_OTHER_TEAM = "w"


def of_season(season_start: date) -> list[InputProblem]:
    """Return the problems of a loaded season, read again after it has been reloaded."""

    def make() -> list[InputProblem]:
        return check(ask_warehouse, season_start, column_shares.of_season(season_start))

    return cached_for_season("input problems", opened_season_year(season_start), INPUTS, make)


def check(
    ask: Ask, season_start: date, shares: Sequence[Share] | None = None
) -> list[InputProblem]:
    """Return the problems of the Phase 3 tables that `ask` reads."""

    def rows(name: str) -> list[tuple[Any, ...]]:
        found = ask(statement(name), {"season_start": season_start})
        return [tuple(row.values()) for row in found]

    differing = [GameSide(*row) for row in rows("input-sides")]
    repeated = [Repeated(*row) for row in rows("input-schedule")]
    teams: dict[str, list[str]] = {}
    for table, team in rows("input-teams") if differing else ():
        teams.setdefault(table, []).append(team)
    of_sides = sides.problems(differing, teams, repeated)
    found = column_shares.shares(ask, season_start, PHASE3) if shares is None else shares
    is_league = constants.is_league(found)
    of_columns = _constants(ask, season_start, found)
    empty = constants.empty_columns(of_columns)
    zone_rows = [ZoneRow(*row) for row in rows("input-zones")] if is_league else []
    zone_rows = numbers.without_empty(zone_rows, empty)
    explained = {
        (key.game_id, key.team)
        for problem in of_sides
        for key in (*problem.wrong, *problem.right)
        if key.table in ROLES
    } | {(row.game_id, row.team) for row in zone_rows}
    alone = [Alone._make([*own, frozenset(games)]) for *own, games in rows("input-names")]
    return [
        *of_sides,
        *names.problems(alone),
        *numbers.zone_problems(zone_rows),
        *(_sums(ask, season_start, explained, empty) if is_league else ()),
        *of_columns,
    ]


def _constants(ask: Ask, season_start: date, shares: Sequence[Share]) -> list[InputProblem]:
    """Find the columns without information in the whole league, then in single teams."""
    found = constants.problems(shares)
    if not constants.is_league(shares):
        return found
    by_team = column_shares.shares_of_teams(ask, season_start)
    return [*found, *constants.team_problems(by_team, shares, found)]


def _sums(
    ask: Ask, season_start: date, explained: set[tuple[str, str]], empty: set[EmptyColumn]
) -> list[InputProblem]:
    """Compare the sums; read the rows only if a number differs."""
    (counted,) = ask(statement("input-sums"), {"season_start": season_start})
    counts = numbers.counts_of(counted)
    if not numbers.is_suspicious(counts):
        return []
    found = [
        _sum_row(row) for row in ask(statement("input-sum-rows"), {"season_start": season_start})
    ]
    return numbers.sum_problems(counts, found, explained, empty)


def _sum_row(row: Row) -> SumRow:
    values = tuple((row[f"left_{n}"], row[f"right_{n}"]) for n in range(len(SUMS)))
    own = {name: row[name] for name in SumRow._fields if name != "values"}
    return SumRow(**own, values=values)


def statement(name: str, only: str = "") -> str:
    """Return the GoogleSQL of a check; its parameter is season_start."""
    return render(
        name,
        team_columns=tuple(TEAMS.items()),
        inputs=GAME_TABLES,
        shift_days=SHIFT_DAYS,
        fewest_missing=numbers.FEWEST_MISSING_SHOTS,
        least_share=numbers.LEAST_ZONE_SHARE,
        only=only,
        **_sum_values(),
    )


def _sum_values() -> dict[str, Any]:
    read = [name.partition(".") for one in SUMS for name in (one.left, one.right)]
    summed = dict.fromkeys(column for table, _, column in read if table == "PGS")
    return {"summed": tuple(summed), "sums": tuple(map(_sum_columns, range(len(SUMS))))}


def _sum_columns(n: int) -> tuple[str, str, str]:
    """Return the two values of a sum, and the right one of the other team."""
    one = SUMS[n]
    left_table, _, left = one.left.partition(".")
    right_table, _, right = one.right.partition(".")
    times = f"{one.times} * " if one.times > 1 else ""
    swapped = f"{times}{PLAYERS_OF_THE_OTHER_TEAM}.{right}" if right_table == "PGS" else "NULL"
    return f"{ROLES[left_table]}.{left}", f"{times}{ROLES[right_table]}.{right}", swapped


def query(name: str, only: Mapping[str, Sequence[str]], season_start: date) -> str:
    """Return the GoogleSQL of a check without parameters, restricted to some values."""
    conditions = [
        f"{column} IN ({', '.join(map(literal, values))})"
        for column, values in only.items()
        if values
    ]
    text = statement(name, " AND ".join(conditions))
    return text.replace("@season_start", literal(season_start))
