"""Audit input: the games of a season that failures depend on, and the rows and failures written
for each date.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from sys import intern
from typing import Any

from backfill.column_shares import Ask, ask_warehouse
from backfill.errors import CorruptPartition
from backfill.models import Key
from backfill.processors.registry import BY_NAME, CHAIN, PROCESSORS
from backfill.season_calendar import source_rows, written_dates
from backfill.statements import render
from backfill.warehouse import warehouse
from backfill.warehouse.port import Row
from backfill.warehouse.schema import Table
from backfill.warehouse.season_cache import cached_for_season
from backfill.warehouse.tables import FAILURES, INPUTS, PGS, TDGS, TOGS
from validation.categories import DATE_LEVEL
from validation.coverage import Coverage, phase3
from validation.expectation import (
    DEFENSE_WINDOW,
    OFFENSE_WINDOW,
    ROW,
    SHOT_WINDOW,
    GameHistory,
    GameRow,
    PlayerContext,
    SeasonGames,
)
from validation.season import Calendar, opened_season_year


def facts(season_start: date) -> SeasonGames:
    """Return the Phase 3 data of one season, with a query per table."""
    return cached_for_season(
        "facts", opened_season_year(season_start), INPUTS, lambda: _read(season_start)
    )


def _read(season_start: date) -> SeasonGames:
    return read(ask_warehouse, season_start)


def read(query: Ask, season_start: date) -> SeasonGames:
    """Return the same of the tables that `query` reads."""

    def ask(name: str, **values: object) -> list[Row]:
        return query(render(name, **values), {"season_start": season_start})

    return SeasonGames(
        start=season_start,
        players=_histories(ask("entity-games", table=PGS, team="team_abbr"), SHOT_WINDOW),
        defenses=_histories(ask("entity-games", table=TDGS, team=TDGS.entity), DEFENSE_WINDOW),
        offenses=_histories(ask("entity-games", table=TOGS, team=TOGS.entity), OFFENSE_WINDOW),
        contexts=_contexts(ask("context-rows")),
        schedule=_schedule(ask("final-games")),
    )


def _shared() -> Callable[[Any], Any]:
    """Return a function that returns the same object for equal values: 50,000 rows have some
    hundred dates, games and teams, and a file of the objects names each once.
    """
    found: dict[Any, Any] = {}
    return lambda value: found.setdefault(value, value)


def _histories(rows: Iterable[Row], window: int) -> dict[str, GameHistory]:
    by_entity: dict[str, list[GameRow]] = {}
    one = _shared()
    for entity, day, game, rank, is_bad, counts, team in (row.values() for row in rows):
        values = one(day), one(game), rank, is_bad, counts, one(team)
        found = GameRow._make(values)
        by_entity.setdefault(entity, []).append(found)
    return {entity: GameHistory(games, window) for entity, games in by_entity.items()}


def _contexts(rows: Iterable[Row]) -> dict[date, list[PlayerContext]]:
    by_date: dict[date, list[PlayerContext]] = {}
    one = _shared()
    for day, player, team, *rest in (row.values() for row in rows):
        by_date.setdefault(day, []).append(PlayerContext(one(player), one(team), *rest))
    return by_date


def _schedule(rows: Iterable[Row]) -> dict[str, list[tuple[date, str]]]:
    by_team: dict[str, list[tuple[date, str]]] = {}
    for row in rows:
        for team in (row["home_team_abbr"], row["away_team_abbr"]):
            by_team.setdefault(team, []).append((row["game_date"], row["game_id"]))
    return by_team


def coverage_of(calendar: Calendar, year: int) -> list[Coverage]:
    """Return the Phase 3 rows of every date of a season, compared with its games."""
    days = calendar.season(year)

    def make() -> list[Coverage]:
        return phase3(days, source_rows(calendar.starts[year], days[-1].day))

    return cached_for_season("coverage", year, INPUTS, make)


@dataclass(frozen=True, kw_only=True)
class Written:
    """Stored result of a (processor, date): entities with a row, entities with a failure.

    `repeated` counts duplicate keys; `whole_date` is set when the date itself was logged as
    failed.
    """

    rows: frozenset[str] = frozenset()
    failures: dict[str, str] = field(default_factory=dict)
    repeated: int = 0
    whole_date: str = ""

    @property
    def statuses(self) -> dict[str, str]:
        """Status of each entity."""
        return dict.fromkeys(self.rows, ROW) | self.failures


NOT_WRITTEN = Written()


def stage(dates: Collection[date], codes: Collection[str] = CHAIN) -> set[Key]:
    """Read the partitions of these dates once, into `judged_<code>` and `judged_failures` of this
    session.

    Opening a partition costs more than reading it, and several queries read each. Returns the
    unreadable (processor, date) pairs.
    """
    found = {
        (code, day)
        for code in codes
        for day in _stage(PROCESSORS[code].output, code.lower(), sorted(dates))
    }
    return found | {
        (code, day) for day in _stage(FAILURES, "failures", sorted(dates)) for code in codes
    }


def _stage(table: Table, name: str, dates: Sequence[date]) -> list[date]:
    """Stage the readable dates of a table; return the unreadable ones."""
    sql = render("partition-rows", table=table, is_slice=False)
    damaged: list[date] = []
    while True:
        try:
            warehouse().stage(
                f"judged_{name}", sql, {"dates": [day for day in dates if day not in damaged]}
            )
            return damaged
        except CorruptPartition:
            damaged.append(_first_damaged(table, [day for day in dates if day not in damaged]))


def _first_damaged(table: Table, dates: Sequence[date]) -> date:
    """Bisect dates that cannot be read together; return the first unreadable one."""
    if len(dates) == 1:
        return dates[0]
    first, rest = dates[: len(dates) // 2], dates[len(dates) // 2 :]
    try:
        sql = render("partition-rows", table=table, is_slice=False)
        warehouse().stage("judged_half", sql, {"dates": first})
    except CorruptPartition:
        return _first_damaged(table, first)
    return _first_damaged(table, rest)


def release() -> None:
    """Free the staged rows: an audit takes a second, a worker lives for hours."""
    for name in ("failures", *(code.lower() for code in PROCESSORS)):
        warehouse().stage(f"judged_{name}", render("nothing"), {})


def written(dates: Collection[date], codes: Collection[str] = CHAIN) -> dict[Key, Written]:
    """Return the stored result of every (processor, date) with both partitions present. Requires
    `stage`.
    """
    there, failures = written_dates(codes, dates), _failures()
    rows = {code: _rows(code) for code in codes}
    return {
        (code, day): _as_written(rows[code].get(day, []), failures.get((code, day), {}))
        for code in codes
        for day in sorted(there[code])
    }


def _rows(code: str) -> dict[date, list[str]]:
    """Return the entities of each date's output."""
    found = warehouse().query(render("staged-rows", processor=PROCESSORS[code]))
    return {row["d"]: row["entities"] for row in found}


def _failures() -> dict[Key, dict[str, list[str]]]:
    found: dict[Key, dict[str, list[str]]] = {}
    for row in warehouse().query(render("staged-failures")):
        key = BY_NAME[row["processor_name"]].code, row["analysis_date"]
        found.setdefault(key, {})[row["failure_category"]] = row["entities"]
    return found


def _as_written(entities: list[str], failures: dict[str, list[str]]) -> Written:
    # One text per entity: a season has 300,000 of them, for 600 players.
    entities = [intern(entity) for entity in entities]
    by_entity = {
        intern(entity): category for category, found in failures.items() for entity in found
    }
    repeated = (
        len(entities) - len(set(entities)) + sum(map(len, failures.values())) - len(by_entity)
    )
    whole_date = by_entity.pop(DATE_LEVEL, "")
    return Written(
        rows=frozenset(entities), failures=by_entity, repeated=repeated, whole_date=whole_date
    )
