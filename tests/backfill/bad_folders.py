"""Defects of a Phase 3 folder, each with the sentence that refuses it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from backfill.ingest.input_files import SUPPORTED
from backfill.ingest.vocabularies import STATUS_NAMES
from backfill.warehouse.schema import Table
from backfill.warehouse.tables import PGS, SCHED, TDGS, UPGC, UTGC
from tests.factories import file_of, rewrite, write_rows


def doctored(table: Table, select: str) -> Callable[[Path], object]:
    return lambda folder: rewrite(file_of(folder, table), select)


def both_kinds(folder: Path) -> None:
    write_rows(file_of(folder, UTGC, ".csv"), UTGC, [])


def cut_short(folder: Path) -> None:
    file = file_of(folder, TDGS)
    file.write_bytes(file.read_bytes()[:-40])


def text(line: str) -> Callable[[Path], object]:
    def write(folder: Path) -> None:
        file_of(folder, SCHED).unlink()
        file_of(folder, SCHED, ".csv").write_text(
            "game_id,game_date,season_year,home_team_abbr,away_team_abbr,game_status,season_type\n"
            + line
        )

    return write


FIRST = "game_id = '0022100001' AND player_lookup = 'homer'"
PLAYER_GAMES = "nba_analytics.player_game_summary"
TEAM_DEFENSE = "nba_analytics.team_defense_game_summary"
PLAYER_CONTEXT = "nba_analytics.upcoming_player_game_context"
TEAM_CONTEXT = "nba_analytics.upcoming_team_game_context"
SCHEDULE = "nba_reference.nba_schedule"
BAD: list[tuple[Callable[[Path], object], str]] = [
    (
        lambda folder: file_of(folder, UTGC).unlink(),
        f"{TEAM_CONTEXT}: no file in {{folder}}; found: nothing else; supported for a table: {SUPPORTED}",
    ),
    (
        both_kinds,
        f"{TEAM_CONTEXT}: upcoming_team_game_context.csv and upcoming_team_game_context.parquet are both there; keep one of them",
    ),
    (
        cut_short,
        f"{TEAM_DEFENSE}: team_defense_game_summary.parquet is cut short or not a Parquet file",
    ),
    (
        lambda folder: file_of(folder, TDGS).write_text("not Parquet"),
        f"{TEAM_DEFENSE}: team_defense_game_summary.parquet is cut short or not a Parquet file",
    ),
    (doctored(PGS, "FROM t WHERE FALSE"), f"{PLAYER_GAMES}: has no rows"),
    (
        doctored(PGS, "SELECT * EXCLUDE (points) FROM t"),
        f"{PLAYER_GAMES}: column points is missing",
    ),
    (
        doctored(PGS, "SELECT * REPLACE (fg_attempts::VARCHAR AS fg_attempts) FROM t"),
        f"{PLAYER_GAMES}: column fg_attempts is VARCHAR; expected INT64",
    ),
    (
        doctored(PGS, "SELECT * REPLACE (encode(game_id) AS game_id) FROM t"),
        f"{PLAYER_GAMES}: column game_id is BLOB; expected STRING",
    ),
    (
        doctored(PGS, "SELECT * REPLACE (12.5::DOUBLE AS points) FROM t"),
        f"{PLAYER_GAMES}: column points has '12.5'; expected INT64 (4 rows like it)",
    ),
    (
        doctored(
            PGS, f"SELECT * REPLACE (CASE WHEN {FIRST} THEN 33.46 END AS minutes_played) FROM t"
        ),
        f"{PLAYER_GAMES}: column minutes_played has '33.46'; expected NUMERIC(5,1) (1 row like it)",
    ),
    (
        doctored(PGS, "SELECT * REPLACE (100000.0::DECIMAL(9,1) AS minutes_played) FROM t"),
        f"{PLAYER_GAMES}: column minutes_played has '100000.0'; expected NUMERIC(5,1) (4 rows like it)",
    ),
    (
        doctored(UTGC, "SELECT * REPLACE (game_date + INTERVAL 19 HOURS AS game_date) FROM t"),
        f"{TEAM_CONTEXT}: column game_date has '2021-10-20 19:00:00'; expected DATE (4 rows like it)",
    ),
    (
        doctored(
            PGS,
            f"SELECT * REPLACE (CASE WHEN NOT ({FIRST}) THEN player_lookup END AS player_lookup) FROM t",
        ),
        f"{PLAYER_GAMES}: column player_lookup is NULL in 1 row",
    ),
    (
        doctored(SCHED, "SELECT * REPLACE (NULL::BIGINT AS game_status) FROM t"),
        f"{SCHEDULE}: column game_status is NULL in 2 rows",
    ),
    (
        doctored(PGS, f"FROM t UNION ALL SELECT * REPLACE (9 AS points) FROM t WHERE {FIRST}"),
        f"{PLAYER_GAMES}: 1 row duplicated in the key (player_lookup, game_id, processed_at), "
        "first player_lookup homer, game_id 0022100001",
    ),
    (
        doctored(SCHED, "FROM t UNION ALL FROM t"),
        f"{SCHEDULE}: 2 rows duplicated in the key (game_id), first game_id 0022100001",
    ),
    (
        doctored(PGS, "SELECT * REPLACE (game_date + 365 AS game_date) FROM t"),
        f"{PLAYER_GAMES}: game_date is outside the season of its season_year in 4 rows, first 2022-10-20",
    ),
    (
        doctored(
            PGS, "SELECT * REPLACE (game_date + 365 AS game_date, 2022 AS season_year) FROM t"
        ),
        f"{PLAYER_GAMES}: game_date is outside the seasons of the schedule (2021) in 4 rows, first 2022-10-20",
    ),
    (
        doctored(
            UPGC,
            f"SELECT * REPLACE (CASE WHEN {FIRST} THEN DATE '2021-09-30' ELSE game_date END AS game_date) FROM t",
        ),
        f"{PLAYER_CONTEXT}: game_date is outside the seasons of the schedule (2021) in 1 row, first 2021-09-30",
    ),
    (
        text("0022100001,2021-10-20,2021,BOS,NYK,3\n"),
        f"{SCHEDULE}: nba_schedule.csv is cut short or not CSV in UTF-8: line 2, Expected Number of Columns: 7 Found: 6",
    ),
    (
        text("0022100001,2021-10-20,2021,BOS,NYK,done,regular\n"),
        f"{SCHEDULE}: column game_status has 'done' in 1 row; known: {STATUS_NAMES}",
    ),
    (
        text("0022100001,20.10.2021,2021,BOS,NYK,3,regular\n"),
        f"{SCHEDULE}: column game_date has '20.10.2021'; expected DATE (1 row like it)",
    ),
    (
        text("0022100001,infinity,2021,BOS,NYK,3,regular\n"),
        f"{SCHEDULE}: column game_date has 'infinity'; expected DATE (1 row like it)",
    ),
    (
        text("0022100001,2021-10-20,2021,,NYK,3,regular\n"),
        f"{SCHEDULE}: column home_team_abbr is NULL in 1 row",
    ),
    (text(""), f"{SCHEDULE}: has no rows"),
]
