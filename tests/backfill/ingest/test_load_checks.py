"""Each kind of contradiction between Phase 3 tables, made by SQL in a healthy season."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from subprocess import run
from typing import Any

import duckdb
import pytest
from django.core.management import call_command

from backfill.audit.season_audit import seasons
from backfill.errors import Refused
from backfill.ingest.load import load
from backfill.ingest.load_checks import check_reading
from backfill.plan.options import Options
from backfill.plan.preflight import check_range
from backfill.simulation import write
from backfill.warehouse import warehouse
from backfill.warehouse.tables import INPUTS, SCHED
from tests.conftest import REAL_SEASON
from tests.factories import file_of, phase3_folder, rewrite
from tests.seasons.simulated import YEAR, first_days
from tests.seasons.whole import whole_rows
from validation.findings.kinds import FindingDraft, Severity, sort_by_severity
from validation.inputs.kinds import INPUT_KINDS
from validation.preflight_report import PreflightKind

# Long enough for the columns that are rarely anything but zero.
DAYS = 34
QUIET_DAY = REAL_SEASON.parents[1] / "cases" / "quiet_day.py"
REAL_SEASONS = sorted(folder.name for folder in REAL_SEASON.parent.glob("season_*"))


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the first weeks of a simulated season."""
    folder = tmp_path_factory.mktemp("healthy")
    write(first_days(days=DAYS), folder)
    return folder


@pytest.fixture(scope="module")
def read(healthy: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as db:
        for table in INPUTS:
            db.execute(
                f"CREATE TEMP TABLE {table.short} AS SELECT * FROM '{file_of(healthy, table)}'"
            )
        yield db


@pytest.fixture
def tables(read: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """Return the healthy tables; changes are undone."""
    read.execute("BEGIN")
    yield read
    read.execute("ROLLBACK")


# A game in the middle of the season, its home team and one of its players; a team that has no game
# on its date.
MIDDLE = """
SELECT game_id, CAST(game_date AS VARCHAR), home_team_abbr, away_team_abbr FROM SCHED
WHERE game_date = (SELECT max(game_date) FROM SCHED) - 13 ORDER BY game_id LIMIT 1
"""
FREE = """
SELECT max(team_abbr) FROM TOGS WHERE team_abbr NOT IN (SELECT team_abbr FROM TOGS WHERE game_date = '{day}')
"""
SHOOTER = """
SELECT min(player_lookup) FROM PGS WHERE game_id = '{game}' AND team_abbr = '{home}' AND fg_attempts >= 5
"""


def spoiled(db: duckdb.DuckDBPyConnection, change: str) -> list[FindingDraft]:
    """Return the contradictions after a change, whose names are those of the middle game."""
    game, day, home, away = db.execute(MIDDLE).fetchall()[0]
    names = {"game": game, "day": day, "home": home, "away": away}
    ((names["free"],),) = db.execute(FREE.format(**names)).fetchall()
    ((names["player"],),) = db.execute(SHOOTER.format(**names)).fetchall()
    for statement in change.format(**names).split(";"):
        db.execute(statement)
    return list(check_reading(db, {YEAR: "TRUE"}))


BOTH_OF_GAME = "game_id = '{game}'"
ONE_OF_GAME = "game_id = '{game}' AND team_abbr = '{home}'"
DEFENSE = "game_id = '{game}' AND defending_team_abbr = '{home}'"
RENAMED = """
UPDATE {table} SET team_abbr = CASE team_abbr WHEN 'BKN' THEN 'BRK' WHEN 'CHA' THEN 'CHO' ELSE team_abbr END,
opponent_team_abbr = CASE opponent_team_abbr WHEN 'BKN' THEN 'BRK' WHEN 'CHA' THEN 'CHO' ELSE opponent_team_abbr END
"""
EARLIER = "UPDATE {} SET game_date = game_date - 1 WHERE {}"
GAMES = ("PGS", "TDGS", "TOGS")
SIDES = (*GAMES, "UPGC", "UTGC")


def shifted(*tables: str, where: str = "TRUE") -> str:
    return "; ".join(EARLIER.format(table, where) for table in tables)


CASES: dict[str, dict[str, str]] = {
    "game teams": {
        "a team of a game is missing": f"DELETE FROM TDGS WHERE {DEFENSE}",
        "a team has no player rows": f"DELETE FROM PGS WHERE {ONE_OF_GAME}",
        "a game has no context": f"DELETE FROM UPGC WHERE {BOTH_OF_GAME}",
        "a team is missing all season": "DELETE FROM UTGC WHERE team_abbr = '{home}'",
        "a game is in the schedule only": "; ".join(
            f"DELETE FROM {table} WHERE {BOTH_OF_GAME}" for table in SIDES
        ),
        "a game has a third team": "INSERT INTO TOGS SELECT * REPLACE ('{free}' AS team_abbr) FROM TOGS "
        f"WHERE {ONE_OF_GAME}",
        "a row is of another team": f"UPDATE TDGS SET defending_team_abbr = '{{free}}' WHERE {DEFENSE}",
    },
    "game date": {
        "a table is a day early": shifted("PGS"),
        "the game tables are a day early": shifted(*GAMES),
        "all tables are a day early": shifted(*SIDES),
        "a game of one table": shifted("TDGS", where=BOTH_OF_GAME),
        "a date of one table": shifted("UPGC", where="game_date = '{day}'"),
        "a team of one table": shifted("TOGS", where="team_abbr = '{home}'"),
        "a game of the schedule": shifted("SCHED", where=BOTH_OF_GAME),
        "a player": shifted("PGS", where="game_id = '{game}' AND player_lookup = '{player}'"),
        "a game on two dates of the schedule": "INSERT INTO SCHED SELECT * REPLACE (game_date + 9 AS game_date) "
        f"FROM SCHED WHERE {BOTH_OF_GAME}",
    },
    "opponent": {
        "a row": f"UPDATE TDGS SET opponent_team_abbr = defending_team_abbr WHERE {DEFENSE}",
        "a table": "UPDATE PGS SET opponent_team_abbr = team_abbr",
        "a date": "UPDATE UPGC SET opponent_team_abbr = team_abbr WHERE game_date = '{day}'",
        "not each other's": f"UPDATE UTGC SET opponent_team_abbr = '{{free}}' WHERE {ONE_OF_GAME}",
        "the schedule": f"UPDATE SCHED SET away_team_abbr = home_team_abbr WHERE {BOTH_OF_GAME}",
    },
    "team name": {
        "a team in one table": "UPDATE TDGS SET defending_team_abbr = 'BRK' WHERE defending_team_abbr = 'BKN'",
        "two teams in one table": RENAMED.replace("{table}", "TOGS"),
        "an opponent": "UPDATE UPGC SET opponent_team_abbr = 'PHO' WHERE opponent_team_abbr = 'PHX'",
        "from a date on": "UPDATE PGS SET team_abbr = 'UTH' WHERE team_abbr = 'UTA' AND game_date > '{day}'",
        "lower case": "UPDATE UTGC SET team_abbr = lower(team_abbr), opponent_team_abbr = lower(opponent_team_abbr)",
        "the schedule": "UPDATE SCHED SET home_team_abbr = 'BRK' WHERE home_team_abbr = 'BKN'",
    },
    "unscheduled game": {
        "a game is missing in the schedule": f"DELETE FROM SCHED WHERE {BOTH_OF_GAME}",
        "another game_id in a table": f"UPDATE PGS SET game_id = '0029999999' WHERE {BOTH_OF_GAME}",
        "another game_id in the schedule": f"UPDATE SCHED SET game_id = '0029999999' WHERE {BOTH_OF_GAME}",
    },
    "player name": {
        "case of all players": "UPDATE PGS SET player_lookup = upper(player_lookup)",
        "case of a date": "UPDATE PGS SET player_lookup = upper(player_lookup) WHERE game_date = '{day}'",
        "suffix": "UPDATE UPGC SET player_lookup = player_lookup || 'jr' WHERE player_lookup = '{player}'",
        "accent": "UPDATE PGS SET player_lookup = replace(replace(replace(player_lookup, 'e', 'é'), 'a', 'á'), 'o', 'ö') "
        "WHERE player_lookup = '{player}'",
        "blank": "UPDATE UPGC SET player_lookup = player_lookup || ' ' WHERE team_abbr = '{home}'",
        "punctuation": "UPDATE PGS SET player_lookup = player_lookup[:3] || '-' || player_lookup[4:] "
        "WHERE player_lookup = '{player}'",
        "spelling": "UPDATE UPGC SET player_lookup = player_lookup[:-2] || 'ey', universal_player_id = NULL "
        "WHERE player_lookup = '{player}'",
        "id": "UPDATE UPGC SET player_lookup = 'somebodyelse' WHERE player_lookup = '{player}'",
    },
    "no context": {
        "a player": "DELETE FROM UPGC WHERE player_lookup = "
        "(SELECT player_lookup FROM PGS GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1)",
        "players of two teams": "DELETE FROM UPGC WHERE player_lookup IN "
        "(SELECT min(player_lookup) FROM PGS WHERE team_abbr IN ('{home}', '{away}') GROUP BY team_abbr)",
        "a player of the game": "DELETE FROM UPGC WHERE player_lookup = '{player}'",
        "a player who keeps another date": "DELETE FROM UPGC WHERE player_lookup = '{player}' "
        "AND game_date > (SELECT min(game_date) FROM UPGC WHERE player_lookup = '{player}')",
    },
    "zones": {
        "attempts of a row": "UPDATE PGS SET paint_attempts = fg_attempts + 3 "
        "WHERE game_id = '{game}' AND player_lookup = '{player}'",
        "makes of a row": "UPDATE PGS SET fg_makes = fg_makes + 1 WHERE game_id = '{game}' AND player_lookup = '{player}'",
        "a zone of a team": f"UPDATE PGS SET three_pt_attempts = 0, three_pt_makes = 0 WHERE {ONE_OF_GAME}",
        "a season": "UPDATE PGS SET mid_range_attempts = mid_range_attempts + fg_attempts",
        "a date": "UPDATE PGS SET paint_attempts = 2 * fg_attempts, paint_makes = fg_makes WHERE game_date = '{day}'",
    },
    "sums": {
        "a team of a game": f"UPDATE TDGS SET opp_paint_attempts = opp_paint_attempts + 5 WHERE {DEFENSE}",
        "points of a team": f"UPDATE TOGS SET points_scored = points_scored + 10 WHERE {ONE_OF_GAME}",
        "points of a player": "UPDATE PGS SET points = points + 20 WHERE game_id = '{game}' AND player_lookup = '{player}'",
        "a player without a row": "DELETE FROM PGS WHERE game_id = '{game}' AND player_lookup = '{player}'",
        "a column all season": "UPDATE TDGS SET opp_three_pt_attempts = opp_three_pt_attempts + 1",
        "swapped teams": "UPDATE TDGS SET defending_team_abbr = opponent_team_abbr, opponent_team_abbr = defending_team_abbr",
    },
    "constant column": {
        "two columns of a table": "UPDATE UPGC SET days_rest = 2, back_to_back = FALSE",
        "zero": "UPDATE UPGC SET games_in_last_7_days = 0",
        "NULL": "UPDATE PGS SET paint_attempts = NULL, paint_makes = NULL",
        "a rating": "UPDATE TDGS SET defensive_rating = 110",
        "home games": "UPDATE UPGC SET home_game = TRUE",
        "the first weeks": "UPDATE UPGC SET days_rest = 2 WHERE game_date < '{day}'",
        "nobody is active": "UPDATE PGS SET is_active = FALSE",
        "a zone of all teams": "UPDATE PGS SET three_pt_attempts = 0, three_pt_makes = 0",
        "a zone of two teams": "UPDATE PGS SET three_pt_attempts = 0, three_pt_makes = 0 "
        "WHERE team_abbr IN ('{home}', '{away}')",
        "the rest of a team": "UPDATE UPGC SET days_rest = 2 WHERE team_abbr = '{home}'",
        "unknown, with all else known": "UPDATE TOGS SET win_flag = NULL",
    },
}


@pytest.mark.parametrize(
    ("kind", "case"),
    [(kind, case) for kind, cases in CASES.items() for case in cases],
    ids=lambda name: name,
)
def test_each_case_of_a_kind_is_one_finding(
    tables: duckdb.DuckDBPyConnection, kind: str, case: str
) -> None:
    (found,) = spoiled(tables, CASES[kind][case])
    assert found.kind.name == kind
    assert found.weight > Severity.NOTE
    assert found.numbers["tables"]
    assert (
        tables.execute(_in_duckdb(found.query)).fetchall()
        or case == "a game is in the schedule only"
    )


def _in_duckdb(query: str) -> str:
    from backfill.warehouse.translation_cache import to_duckdb

    assert "@" not in query
    return to_duckdb(query).sql


def test_every_kind_has_a_case() -> None:
    assert set(CASES) == {kind.name for kind in INPUT_KINDS}


def test_a_healthy_season_has_no_finding(tables: duckdb.DuckDBPyConnection) -> None:
    assert spoiled(tables, "SELECT 1") == []


@pytest.mark.parametrize("name", REAL_SEASONS or ["season_2021"])
def test_a_real_season_has_no_finding(name: str, season_folder: Path) -> None:
    folder = REAL_SEASON.with_name(name) if REAL_SEASONS else season_folder
    with duckdb.connect() as db:
        for table in INPUTS:
            db.execute(
                f"CREATE TEMP TABLE {table.short} AS SELECT * FROM '{file_of(folder, table)}'"
            )
        assert check_reading(db, {int(name[-4:]): "TRUE"}) == ()


def test_a_small_healthy_season_has_no_more_than_notes(tmp_path: Path) -> None:
    """Its players rest alike on each date, and its team rows are no sums of its player rows."""
    if QUIET_DAY.exists():
        run([sys.executable, str(QUIET_DAY), str(tmp_path)], check=True)
    else:
        phase3_folder(tmp_path, **{t.short.lower(): whole_rows(t) for t in INPUTS})
    found = load(tmp_path, strict=True).findings
    assert {(f.kind.name, f.weight) for f in found} <= {("sums", Severity.NOTE)}


def test_two_causes_are_two_findings(tables: duckdb.DuckDBPyConnection) -> None:
    both = f"{CASES['team name']['an opponent']}; {CASES['sums']['a team of a game']}"
    assert [found.kind.name for found in spoiled(tables, both)] == ["team name", "sums"]


def test_a_finding_names_what_it_is_about_and_what_it_costs(
    tables: duckdb.DuckDBPyConnection,
) -> None:
    (found,) = spoiled(tables, f"DELETE FROM PGS WHERE {ONE_OF_GAME}")
    numbers = dict(found.numbers)
    game, day, home, _ = tables.execute(MIDDLE).fetchall()[0]
    assert (numbers["tables"], numbers["games"], numbers["teams"]) == (
        ["player_game_summary"],
        [game],
        [home],
    )
    assert found.sentence.startswith(
        f"player_game_summary: no player rows for 1 team of final games: {game} ({day}) {home}; {day}; "
    )
    assert re.search(
        r"\d+ wrong rows, \d+ failures that would not occur downstream$", found.sentence
    )


def test_pairs_of_names_say_how_many_rows_each_costs(tables: duckdb.DuckDBPyConnection) -> None:
    (found,) = spoiled(
        tables, "UPDATE PGS SET player_lookup = upper(player_lookup) WHERE team_abbr = '{home}'"
    )
    numbers: dict[str, Any] = dict(found.numbers)
    lost = numbers["rows lost by player"]
    assert numbers["pairs"]
    assert sorted(lost) == sorted(pair.rpartition(" ")[2] for pair in numbers["pairs"])
    total = numbers["failures that would not occur"] + numbers["missing rows downstream"]
    assert sum(lost.values()) == total > 0


# The same at load, in the audit and before a start


@pytest.fixture
def renamed(healthy: Path, tmp_path: Path) -> Path:
    """Return a folder with a renamed team."""
    for table in INPUTS:
        copy = file_of(tmp_path / "renamed", table)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file_of(healthy, table).read_bytes())
    rewrite(
        file_of(tmp_path / "renamed", next(t for t in INPUTS if t.short == "TDGS")),
        "SELECT * REPLACE (replace(defending_team_abbr, 'BKN', 'BRK') AS defending_team_abbr) FROM t",
    )
    return tmp_path / "renamed"


@pytest.mark.django_db
def test_a_contradiction_is_reported_at_load_in_the_audit_and_in_the_preflight(
    renamed: Path,
) -> None:
    out = StringIO()
    call_command("load_phase3", str(renamed), json=True, stdout=out)
    (at_load,) = json.loads(out.getvalue())["findings"]
    (audit,) = seasons()
    findings = [found for found in audit.findings() if found.weight > Severity.NOTE]
    assert [found.sentence for found in findings] == [at_load["sentence"]]
    assert findings[0].query == at_load["evidence"]["query"]
    assert {row["team"] for row in warehouse().query(findings[0].query)} == {"BRK", "BKN"}
    report = check_range(Options(start=audit.dates[0], end=audit.dates[-1]))
    warned = [item for item in report.warns if item.kind is PreflightKind.CONTRADICTION]
    assert [item.tables for item in warned] == [("nba_analytics.team_defense_game_summary",)]


def test_a_strict_load_refuses_a_contradiction_and_loads_nothing(
    renamed: Path, healthy: Path, own_warehouse: Path
) -> None:
    with pytest.raises(Refused) as refused:
        load(renamed, strict=True)
    assert str(refused.value).startswith(
        "problem: team name: team_defense_game_summary: BRK for BKN"
    )
    assert not own_warehouse.exists()
    assert load(healthy, strict=True).findings == ()
    assert warehouse().seasons(SCHED) == {YEAR}


@pytest.mark.django_db
def test_what_follows_from_a_shifted_table_is_not_reported_again(
    healthy: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "shifted"
    for table in INPUTS:
        copy = file_of(folder, table)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file_of(healthy, table).read_bytes())
    rewrite(
        file_of(folder, next(t for t in INPUTS if t.short == "TOGS")),
        "SELECT * REPLACE (game_date + 1 AS game_date) FROM t",
    )
    load(folder)
    (audit,) = seasons()
    found = sort_by_severity(f for f in audit.findings() if f.weight > Severity.NOTE)
    assert [f.kind.name for f in found] == ["game date"]
