"""What judging reads: the games of a season as far as failures depend on them, and what was written about each date."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from backfill import coverage
from backfill.errors import CorruptPartition
from backfill.planning import Key
from backfill.processors import BY_NAME, PROCESSORS
from backfill.processors.statement import impossible, newest_first
from backfill.warehouse import warehouse
from backfill.warehouse.base import Row
from backfill.warehouse.remembered import remembered
from backfill.warehouse.schema import Table
from backfill.warehouse.tables import FAILURES, INPUTS, PGS, SCHED, TDGS, TOGS, UPGC
from validation.categories import DATE_LEVEL
from validation.expectation import DEFENSE_WINDOW, OFFENSE_WINDOW, ROW, SHOT_WINDOW, Context, Facts, GameRow, History
from validation.season import FINAL, SEASON_TYPES, season_year

PLAYED = "IFNULL(is_active, FALSE) AND (IFNULL(minutes_played, 0) > 0 OR IFNULL(fg_attempts, 0) > 0 OR IFNULL(points, 0) > 0)"
IN_SEASON = "game_date >= @season_start AND game_date < DATE_ADD(@season_start, INTERVAL 1 YEAR)"
# Not the processors' own windows: what judges them shares with them what a bad row is, and nothing else.
GAMES = """
SELECT
  {entity} AS entity, game_date, game_id,
  ROW_NUMBER() OVER (PARTITION BY {entity}, game_id ORDER BY {newest_first}) AS game_rank,
  {impossible} IS NOT NULL AS is_bad,
  {counts} AS counts,
  {team} AS team
FROM {table}
WHERE {in_season}
"""
CONTEXTS = f"""
SELECT game_date, player_lookup, team_abbr, {impossible("UPGC")} IS NOT NULL AS is_bad
FROM {UPGC}
WHERE {IN_SEASON}
QUALIFY ROW_NUMBER() OVER (
  PARTITION BY player_lookup, game_date ORDER BY processed_at DESC, game_id DESC, {newest_first("UPGC")}
) = 1
"""
SCHEDULE = f"""
SELECT game_date, game_id, home_team_abbr, away_team_abbr
FROM {SCHED}
WHERE {IN_SEASON} AND game_status = {FINAL} AND season_type IN ('{"', '".join(SEASON_TYPES)}')
"""
FAILED = """
SELECT processor_name, analysis_date, failure_category, ARRAY_AGG(entity_id) AS entities
FROM judged_failures
GROUP BY processor_name, analysis_date, failure_category
"""


def _games(table: Table, team: str, counts: str = "TRUE") -> str:
    return GAMES.format(
        table=table, entity=table.entity, team=team, counts=counts, in_season=IN_SEASON,
        newest_first=newest_first(table.short), impossible=impossible(table.short),
    )  # fmt: skip


def facts(season_start: date) -> Facts:
    """One season of Phase 3, by a query per table."""
    return remembered("facts", season_year(season_start), INPUTS, lambda: _read(season_start))


def _read(season_start: date) -> Facts:
    season = {"season_start": season_start}
    return Facts(
        season_start,
        players=_histories(warehouse().query(_games(PGS, "team_abbr", PLAYED), season), SHOT_WINDOW),
        defenses=_histories(warehouse().query(_games(TDGS, TDGS.entity), season), DEFENSE_WINDOW),
        offenses=_histories(warehouse().query(_games(TOGS, TOGS.entity), season), OFFENSE_WINDOW),
        contexts=_contexts(warehouse().query(CONTEXTS, season)),
        schedule=_schedule(warehouse().query(SCHEDULE, season)),
    )


def _histories(rows: Iterable[Row], window: int) -> dict[str, History]:
    by_entity: dict[str, list[GameRow]] = {}
    for entity, *row in (row.values() for row in rows):
        by_entity.setdefault(entity, []).append(GameRow(*row))
    return {entity: History(found, window) for entity, found in by_entity.items()}


def _contexts(rows: Iterable[Row]) -> dict[date, list[Context]]:
    by_date: dict[date, list[Context]] = {}
    for day, *context in (row.values() for row in rows):
        by_date.setdefault(day, []).append(Context(*context))
    return by_date


def _schedule(rows: Iterable[Row]) -> dict[str, list[tuple[date, str]]]:
    by_team: dict[str, list[tuple[date, str]]] = {}
    for row in rows:
        for team in (row["home_team_abbr"], row["away_team_abbr"]):
            by_team.setdefault(team, []).append((row["game_date"], row["game_id"]))
    return by_team


@dataclass(frozen=True)
class Written:
    """What the warehouse holds of one (processor, date): entities with a row, entities with a failure.

    `repeated` rows have the key of another one; `whole_date` when the date itself was logged as failed.
    """

    rows: frozenset[str] = frozenset()
    failures: dict[str, str] = field(default_factory=dict)
    repeated: int = 0
    whole_date: str = ""

    @property
    def statuses(self) -> dict[str, str]:
        """What became of each entity."""
        return dict.fromkeys(self.rows, ROW) | self.failures


NOT_WRITTEN = Written()


def stage(dates: Collection[date], codes: Collection[str] = tuple(PROCESSORS)) -> set[Key]:
    """Read the partitions of these dates once, into `judged_<code>` and `judged_failures` of this session.

    Opening a partition costs more than reading it, and several questions are asked of each. Returns what cannot be read.
    """
    found = {(code, day) for code in codes for day in _stage(PROCESSORS[code].output, code.lower(), sorted(dates))}
    return found | {(code, day) for day in _stage(FAILURES, "failures", sorted(dates)) for code in codes}


def _stage(table: Table, name: str, dates: Sequence[date]) -> list[date]:
    """Stage what can be read of a table; return the dates that cannot."""
    sql = f"SELECT * FROM {table} WHERE {table.partition} IN UNNEST(@dates)"
    damaged: list[date] = []
    while True:
        try:
            warehouse().stage(f"judged_{name}", sql, {"dates": [day for day in dates if day not in damaged]})
            return damaged
        except CorruptPartition:
            damaged.append(_first_damaged(table, [day for day in dates if day not in damaged]))


def _first_damaged(table: Table, dates: Sequence[date]) -> date:
    """The first date that cannot be read, of some that cannot be read together."""
    if len(dates) == 1:
        return dates[0]
    first, rest = dates[: len(dates) // 2], dates[len(dates) // 2 :]
    try:
        warehouse().stage("judged_half", f"SELECT * FROM {table} WHERE {table.partition} IN UNNEST(@dates)", {"dates": first})
    except CorruptPartition:
        return _first_damaged(table, first)
    return _first_damaged(table, rest)


def release() -> None:
    """Let go of what was staged: a worker judges a season in a second and then lives for hours."""
    for name in ("failures", *(code.lower() for code in PROCESSORS)):
        warehouse().stage(f"judged_{name}", "SELECT 1 AS nothing", {})


def written(dates: Collection[date], codes: Collection[str] = tuple(PROCESSORS)) -> dict[Key, Written]:
    """What is there of every (processor, date) of which both partitions are there; `stage` comes first."""
    there, failures = coverage.written(codes, dates), _failures()
    rows = {code: _rows(code) for code in codes}
    return {
        (code, day): _as_written(rows[code].get(day, []), failures.get((code, day), {}))
        for code in codes
        for day in sorted(there[code])
    }


def _rows(code: str) -> dict[date, list[str]]:
    """The entities of each date's output."""
    output = PROCESSORS[code].output
    sql = f"SELECT {output.partition} AS d, ARRAY_AGG({output.entity}) AS entities FROM judged_{code.lower()} GROUP BY d"
    return {row["d"]: row["entities"] for row in warehouse().query(sql)}


def _failures() -> dict[Key, dict[str, list[str]]]:
    found: dict[Key, dict[str, list[str]]] = {}
    for row in warehouse().query(FAILED):
        key = BY_NAME[row["processor_name"]].code, row["analysis_date"]
        found.setdefault(key, {})[row["failure_category"]] = row["entities"]
    return found


def _as_written(entities: list[str], failures: dict[str, list[str]]) -> Written:
    by_entity = {entity: category for category, found in failures.items() for entity in found}
    repeated = len(entities) - len(set(entities)) + sum(map(len, failures.values())) - len(by_entity)
    whole_date = by_entity.pop(DATE_LEVEL, "")
    return Written(frozenset(entities), by_entity, repeated, whole_date)
