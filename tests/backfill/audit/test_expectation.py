"""Expected failures: the product and the oracle agree, and whole seasons have exactly these."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given

from backfill.audit import load as loading
from backfill.execution.execute import Step, execute
from backfill.ingest.load import load
from backfill.processors.registry import PROCESSORS
from backfill.season_calendar import load_calendar
from backfill.simulation import SimulatedSeason, write
from backfill.simulation.season import Simulation
from backfill.warehouse import warehouse
from backfill.warehouse.tables import INPUTS
from tests.backfill.judged import assert_explained
from tests.factories import file_of
from tests.oracle import Row, Rows
from tests.oracle.expected import expected_statuses
from tests.oracle.impossible import broken_rule
from tests.oracle.outcome import TABLES
from tests.oracle.sources import Facts as OracleFacts
from tests.oracle.sources import is_played, ordering
from tests.seasons.tiny import RUN_ID, STARTED_AT
from tests.spoiling import Chances
from tests.strategies import Knobs, League, build, league_settings, leagues
from validation.expectation import (
    BAD,
    DEFENSE_WINDOW,
    FEW,
    INCOMPLETE,
    MISSING,
    OFFENSE_WINDOW,
    ROW,
    SHOT_WINDOW,
    GameHistory,
    GameRow,
    PlayerContext,
    SeasonGames,
    expected,
)
from validation.season import DateType

pytestmark = pytest.mark.specification

# By then every table has rows for most entities; more days only add time.
SIMULATED_DAYS = 50


# Random leagues


def agree(league: League, facts: SeasonGames) -> None:
    """Assert that the product expects the oracle's failures in both modes."""
    for backfill_mode in (True, False):
        oracle = OracleFacts(league.tables, league.season_start, backfill_mode)
        for day in league.dates:
            assert expected(facts, day, live=not backfill_mode) == expected_statuses(oracle, day), (
                day,
                backfill_mode,
            )


def as_given(league: League) -> SeasonGames:
    """Convert the league to the product's values, with the oracle's own reading of its rows."""
    return SeasonGames(
        start=league.season_start,
        players=_histories(league, "PGS", "team_abbr", SHOT_WINDOW),
        defenses=_histories(league, "TDGS", "defending_team_abbr", DEFENSE_WINDOW),
        offenses=_histories(league, "TOGS", "team_abbr", OFFENSE_WINDOW),
        contexts={day: _contexts(league, day) for day in league.dates},
        schedule=_schedule(league),
    )


def _histories(league: League, short: str, team: str, window: int) -> dict[str, GameHistory]:
    versions: dict[tuple[str, str], Rows] = defaultdict(list)
    for row in league.tables[short]:
        if row["game_date"] >= league.season_start:
            versions[row[TABLES[short].entity], row["game_id"]].append(row)
    rows: dict[str, list[GameRow]] = defaultdict(list)
    for (entity, _), found in versions.items():
        found.sort(key=lambda row: (row["processed_at"], ordering(short, row)), reverse=True)
        rows[entity] += [
            _game_row(short, row, rank, row[team]) for rank, row in enumerate(found, start=1)
        ]
    return {entity: GameHistory(found, window) for entity, found in rows.items()}


def _game_row(short: str, row: Row, rank: int, team: str) -> GameRow:
    counts = short != "PGS" or is_played(row)
    return GameRow(
        row["game_date"], row["game_id"], rank, broken_rule(short, row) is not None, counts, team
    )


def _contexts(league: League, day: date) -> list[PlayerContext]:
    oracle = OracleFacts(league.tables, league.season_start, True)
    found = [oracle.context("UPGC", player, day) for player in oracle.context_players(day)]
    return [
        PlayerContext(row["player_lookup"], row["team_abbr"], broken_rule("UPGC", row) is not None)
        for row in found
        if row
    ]


def _schedule(league: League) -> dict[str, list[tuple[date, str]]]:
    found: dict[str, list[tuple[date, str]]] = defaultdict(list)
    for row in league.tables["SCHED"]:
        final = row["game_status"] == 3 and row["season_type"] in ("regular", "playoffs")
        if final and row["game_date"] >= league.season_start:
            for side in ("home_team_abbr", "away_team_abbr"):
                found[row[side]].append((row["game_date"], row["game_id"]))
    return found


def as_stored(folder: Path, league: League) -> SeasonGames:
    """Read the league with the product's loader from a warehouse that holds its tables."""
    tables = {
        t.short: [tuple(row.get(name) for name in t.names) for row in league.tables[t.short]]
        for t in INPUTS
    }
    write(SimulatedSeason(league.season_start.year, 0, tables), folder)
    for table in INPUTS:
        warehouse().load(league.season_start.year, {table: file_of(folder, table)})
    return loading.facts(league.season_start)


@given(league=leagues())
@league_settings
def test_the_product_expects_what_the_oracle_expects(league: League) -> None:
    agree(league, as_given(league))


@given(league=leagues())
@league_settings
def test_the_product_reads_out_of_the_warehouse_what_the_oracle_reads(
    tmp_path: Path, league: League
) -> None:
    agree(league, as_stored(tmp_path, league))


# Covers every status of every processor
RICH = Knobs(
    seed=5,
    teams=12,
    roster=3,
    rounds=25,
    day_index=38,
    days=3,
    chances=Chances(3, 5, impossible=3, copies=10),
)


@pytest.mark.parametrize("stored", [False, True], ids=["given", "stored"])
def test_a_league_with_every_kind_of_failure_is_understood(tmp_path: Path, stored: bool) -> None:
    league = build(RICH)
    facts = as_stored(tmp_path, league) if stored else as_given(league)
    agree(league, facts)
    found: dict[str, set[str]] = {code: set() for code in PROCESSORS}
    for day in league.dates:
        for code, statuses in expected(facts, day, live=True).items():
            found[code] |= set(statuses.values())
    assert found == {
        "TDZA": {ROW, BAD, FEW, INCOMPLETE},
        "PSZA": {ROW, BAD, FEW, INCOMPLETE},
        "PCF": {ROW, BAD},
        "PDC": {ROW, BAD, FEW, MISSING, INCOMPLETE},
        "ML": {ROW, BAD, MISSING},
    }


# Seasons


def simulated(seed: int) -> SimulatedSeason:
    """Return the first days of a simulated season, identical to the start of the whole one."""
    simulation = Simulation(2021, seed)
    for number, fixture in enumerate(
        (f for f in simulation.fixtures if f.day < SIMULATED_DAYS), start=1
    ):
        simulation.play(simulation.heading(number, fixture))
    return SimulatedSeason(2021, seed, simulation.tables)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_in_a_simulated_season_everybody_fails_who_must_and_nobody_else(
    tmp_path: Path, seed: int
) -> None:
    write(simulated(seed), tmp_path)
    load(tmp_path)
    calendar = load_calendar()
    start = calendar.starts[2021]
    days = calendar.days(start, start + timedelta(days=SIMULATED_DAYS))
    dates = [d.day for d in days if d.type is DateType.REGULAR]
    run = {
        (code, outcome.date): (outcome.rows, sum(outcome.failures.values()))
        for code, processor in PROCESSORS.items()
        for outcome in execute(
            warehouse(),
            Step(
                processor=processor,
                dates=tuple(dates),
                season_start=start,
                started_at=STARTED_AT,
                run_ids=dict.fromkeys(dates, RUN_ID),
            ),
        )
    }
    assert len(run) == len(PROCESSORS) * len(dates)
    assert assert_explained(start, dates) == run
