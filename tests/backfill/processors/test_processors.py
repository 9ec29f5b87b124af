"""SQL of the five processors against the oracle: every row, column and failure, in both modes."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given

from tests.backfill.examples import Case, cases, check
from tests.backfill.statements import run_sql
from tests.oracle import ORDER, Outcomes, run, run_chain, scenarios, upstream_tables
from tests.oracle.compare import differences
from tests.spoiling import Chances, spoiled_upstream
from tests.strategies import Knobs, League, build, league_settings, leagues

pytestmark = pytest.mark.specification
MODES = pytest.mark.parametrize("backfill_mode", [True, False], ids=["backfill", "normal"])
LINES_SHOWN = 30
FLAWS = Chances(nulls=3, unknown=5, impossible=3, copies=10)
# Every category in both modes; normal mode measures its teams against the last 30 days.
MID_SIZE = Knobs(seed=7, teams=12, roster=3, rounds=25, day_index=38, days=3, chances=FLAWS)
RECENT_LEAGUE = Knobs(seed=2, teams=12, roster=3, rounds=25, day_index=38, days=3, chances=FLAWS)
CLEAN = Knobs(seed=5, teams=6, roster=4, rounds=25, day_index=45, chances=Chances(copies=5))


@pytest.mark.parametrize("case", cases(), ids=str)
def test_an_example_comes_out_as_the_specification_says(case: Case) -> None:
    check(
        case,
        run_sql(
            case.code,
            case.tables,
            case.dates,
            season_start=case.season_start,
            backfill_mode=case.backfill_mode,
        ),
    )


@pytest.mark.parametrize("code", ORDER)
@MODES
@given(league=leagues())
@league_settings
def test_the_sql_writes_what_the_oracle_writes(
    league: League, code: str, backfill_mode: bool
) -> None:
    assert_sql_agrees(league, code, backfill_mode)


@pytest.mark.parametrize("code", ORDER)
@pytest.mark.parametrize("knobs", [MID_SIZE, RECENT_LEAGUE], ids=["mid-size", "recent"])
@MODES
def test_the_sql_agrees_on_a_mid_size_league(knobs: Knobs, code: str, backfill_mode: bool) -> None:
    assert_sql_agrees(build(knobs), code, backfill_mode)


@pytest.mark.parametrize("code", ["PCF", "PDC", "ML"])
@MODES
@given(league=leagues())
@league_settings
def test_the_sql_agrees_on_upstream_rows_that_no_chain_writes(
    league: League, code: str, backfill_mode: bool
) -> None:
    start = league.season_start
    results = run_chain(
        league.tables, league.dates, season_start=start, backfill_mode=backfill_mode
    )
    tables = spoiled_upstream(
        Random(league.knobs.seed), upstream_tables(league.tables, results, code)
    )
    expected = run(code, tables, league.dates, season_start=start, backfill_mode=backfill_mode)
    assert_no_differences(
        code,
        expected,
        run_sql(code, tables, league.dates, season_start=start, backfill_mode=backfill_mode),
    )


def assert_no_differences(code: str, expected: Outcomes, actual: Outcomes) -> None:
    lines = differences(code, expected, actual)
    assert not lines, "\n".join([f"{len(lines)} differences", *lines[:LINES_SHOWN]])


def assert_sql_agrees(league: League, code: str, backfill_mode: bool) -> None:
    """Assert that the processor's SQL, fed the oracle's upstream rows, returns its rows and
    failures.
    """
    codes = ORDER[: ORDER.index(code) + 1]
    start = league.season_start
    results = run_chain(
        league.tables, league.dates, season_start=start, backfill_mode=backfill_mode, codes=codes
    )
    # Normal mode runs one date at a time, with rows of other dates in the same tables.
    dates = league.dates if backfill_mode else league.dates[:1]
    expected: Outcomes = {day: results[code][day] for day in dates}
    upstream = upstream_tables(league.tables, results, code)
    assert_no_differences(
        code,
        expected,
        run_sql(code, upstream, dates, season_start=start, backfill_mode=backfill_mode),
    )


@MODES
def test_everyone_has_a_row_or_the_failure_that_follows_from_the_sources(
    backfill_mode: bool,
) -> None:
    league = build(MID_SIZE)
    scenarios.check_statuses(league, scenarios.chain(league, run_sql, backfill_mode), backfill_mode)


@MODES
def test_every_row_keeps_the_promises_of_its_table(backfill_mode: bool) -> None:
    league = build(MID_SIZE)
    scenarios.check_invariants(league, scenarios.chain(league, run_sql, backfill_mode))


def test_games_on_or_after_the_date_or_of_another_season_do_not_matter() -> None:
    scenarios.check_cut_off(build(MID_SIZE), run_sql)


def test_the_order_of_the_source_rows_does_not_matter() -> None:
    scenarios.check_repetition(build(MID_SIZE), run_sql)


def test_dates_one_by_one_in_reverse_or_in_one_batch_give_the_same() -> None:
    scenarios.check_order(build(MID_SIZE), run_sql)


def test_older_copies_of_source_rows_do_not_matter() -> None:
    scenarios.check_older_copies(build(MID_SIZE), run_sql)


def test_an_impossible_player_game_fails_that_player_alone() -> None:
    scenarios.check_faulty_player_game(build(CLEAN), run_sql)


def test_an_impossible_team_game_fails_that_team_alone() -> None:
    scenarios.check_faulty_team_game(build(CLEAN), run_sql)
