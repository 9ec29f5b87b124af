"""Oracle checks: the specification's worked examples and cross-checks."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given

from tests.backfill.examples import Case, cases, check
from tests.oracle import ORDER, run, run_chain, scenarios
from tests.oracle.compare import same
from tests.oracle.numbers import deviation, fix, mean, quotient
from tests.oracle.stored import hashed_text
from tests.spoiling import Chances
from tests.strategies import SEASON_START, Knobs, League, build, league_settings, leagues

pytestmark = pytest.mark.specification

MODES = pytest.mark.parametrize("backfill_mode", [True, False], ids=["backfill", "normal"])
CHECKS = [
    scenarios.check_cut_off,
    scenarios.check_repetition,
    scenarios.check_order,
    scenarios.check_older_copies,
]
FAULTS = [scenarios.check_faulty_player_game, scenarios.check_faulty_team_game]


@pytest.mark.parametrize("case", cases(), ids=str)
def test_an_example_comes_out_as_the_specification_says(case: Case) -> None:
    check(
        case,
        run(
            case.code,
            case.tables,
            case.dates,
            season_start=case.season_start,
            backfill_mode=case.backfill_mode,
        ),
    )


def test_every_processor_has_four_examples() -> None:
    names = {case.name for case in cases()}
    assert names >= {f"{code}-{n}" for code in ORDER for n in range(1, 5)}


def test_the_hashed_text_is_the_one_printed_in_the_specification() -> None:
    case = next(c for c in cases() if c.name == "PSZA-1")
    outcome = run(case.code, case.tables, case.dates, season_start=case.season_start)[case.day]
    text = hashed_text("PSZA", outcome.rows["playera"])
    assert text.startswith(
        "player_lookup=playera|universal_player_id=playera_1|analysis_date=2023-12-15|paint_rate_last_10=49.14|"
    )
    assert text.endswith(
        "|unassisted_rate_last_10=50.00|primary_scoring_zone=paint|data_quality_tier=high|early_season_flag=false"
    )


@pytest.mark.parametrize(
    ("value", "scale", "stored"),
    [("2.5", 0, "3"), ("-0.815", 2, "-0.82"), ("-0.04", 1, "0.0"), ("7", 2, "7.00")],
)
def test_a_half_is_rounded_away_from_zero_and_zero_has_no_sign(
    value: str, scale: int, stored: str
) -> None:
    assert str(fix(Decimal(value), scale)) == stored


def test_nothing_known_gives_null() -> None:
    assert mean([None]) is None
    assert deviation([3, None]) is None
    assert quotient(1, 0) is None


def test_comparing_tells_true_from_one_and_looks_into_json() -> None:
    assert same({"a": Decimal("1.50")}, {"a": Decimal("1.5")})
    assert not same({"a": True}, {"a": 1})
    assert not same([0.1, 0.2], [0.1])


@MODES
@given(league=leagues())
@league_settings
def test_everyone_has_a_row_or_the_failure_that_follows_from_the_sources(
    league: League, backfill_mode: bool
) -> None:
    scenarios.check_statuses(league, scenarios.chain(league, run, backfill_mode), backfill_mode)


@MODES
@given(league=leagues())
@league_settings
def test_every_row_keeps_the_promises_of_its_table(league: League, backfill_mode: bool) -> None:
    scenarios.check_invariants(league, scenarios.chain(league, run, backfill_mode))


@pytest.mark.parametrize("changes_nothing", CHECKS, ids=lambda c: c.__name__)
@given(league=leagues())
@league_settings
def test_what_must_not_matter_changes_nothing(
    league: League, changes_nothing: scenarios.Check
) -> None:
    changes_nothing(league, run)


@pytest.mark.parametrize("isolated", FAULTS, ids=lambda c: c.__name__)
def test_an_impossible_row_stays_the_trouble_of_one_entity(isolated: scenarios.Check) -> None:
    isolated(
        build(Knobs(seed=5, teams=6, roster=4, rounds=25, day_index=45, chances=Chances(copies=5))),
        run,
    )


def test_normal_mode_is_backfill_mode_until_day_30() -> None:
    league = build(
        Knobs(seed=9, teams=6, roster=4, rounds=25, day_index=29, chances=Chances(nulls=3))
    )
    scenarios.assert_equal_chains(
        scenarios.chain(league, run, True), scenarios.chain(league, run, False)
    )


def test_empty_tables_give_empty_outcomes() -> None:
    results = run_chain({}, [SEASON_START + timedelta(days=20)], season_start=SEASON_START)
    assert all(
        not o.rows and not o.failures for outcomes in results.values() for o in outcomes.values()
    )


def test_a_reason_never_exceeds_a_thousand_characters() -> None:
    day = date(2023, 11, 20)
    games = [_game(n, day) for n in range(6)]
    logged = {
        "processor_name": "PlayerShotZoneAnalysisProcessor",
        "entity_id": "p",
        "analysis_date": day,
    }
    logged |= {"failure_category": "UNKNOWN", "failure_reason": "x" * 1000}
    tables = {"UPGC": [_game(9, day) | {"game_date": day}], "PGS": games, "FAILURES": [logged]}
    category, reason, _ = run("PDC", tables, [day], season_start=SEASON_START)[day].failures["p"]
    assert (category, len(reason)) == ("MISSING_DEPENDENCY", 1000)


def _game(n: int, day: date) -> dict[str, object]:
    keys = {
        "player_lookup": "p",
        "game_id": f"{n:010d}",
        "game_date": day - timedelta(days=n + 1),
        "team_abbr": "T",
    }
    return keys | {"is_active": True, "points": 9}
