"""Content checks: shares read, rows edited behind correct counts, and intact partitions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings
from hypothesis import given

from backfill.audit import content_checks, load, season_audit
from backfill.audit.source_correction import correction_of
from backfill.ingest.load_history import record_load
from backfill.ingest.selection import LoadSelection
from backfill.models import Finding
from backfill.models.finding import as_fields
from backfill.processors.registry import CHAIN, PROCESSORS
from backfill.simulation import FaultKind
from backfill.warehouse import warehouse
from backfill.warehouse.tables import BY_REF, PGS
from tests.backfill.statements import RowsWarehouse
from tests.factories import HOME, PLAYERS
from tests.once import copy_warehouse
from tests.oracle import ORDER, run_chain
from tests.oracle.chain import with_written
from tests.seasons.simulated import Simulated
from tests.seasons.tiny import (
    FIRST,
    LAST,
    NIGHTS,
    OPENING,
    PROCESSING,
    SECOND,
    give,
    run,
    season_rows,
)
from tests.strategies import SEASON_START, League, league_settings, leagues
from validation.columns import SOURCES, counted_columns
from validation.findings import kinds
from validation.findings.content import Share, Violation
from validation.findings.finding_kind import Severity
from validation.known_constants import ConstantKind

PLAYER = PLAYERS[HOME]


@pytest.fixture(scope="module")
def processed_season(loaded_season: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("processed") / "warehouse"
    copy_warehouse(loaded_season, root)
    with override_settings(WAREHOUSE_URL=f"parquet:{root}"):
        for code in CHAIN:
            run(code)
    return root


@pytest.fixture
def processed(processed_season: Path, settings: Any) -> None:
    """Stage the tiny season with all processors run, as a read-only warehouse."""
    settings.WAREHOUSE_URL = f"parquet:{processed_season}"
    load.stage(PROCESSING)


def edit(code: str, *replaced: str, where: str = "TRUE") -> None:
    """Stage a processor's rows with some columns replaced."""
    select = f"SELECT * REPLACE ({', '.join(replaced)})" if replaced else "SELECT *"
    output = PROCESSORS[code].output
    sql = f"{select} FROM {output} WHERE {output.partition} IN UNNEST(@dates) AND {where}"
    warehouse().stage(f"judged_{code.lower()}", sql, {"dates": list(PROCESSING)})


def broken(code: str) -> set[str]:
    return {violation.check for violation in content_checks.violations(OPENING, [code])}


# Rules, each broken by an edit

ZONES = ("paint", "mid_range", "three_pt")


def feature(i: int, value: str) -> str:
    """Return SQL for the feature vector with element `i` replaced."""
    return f"[{', '.join(value if n == i else f'features[OFFSET({n})]' for n in range(25))}] AS features"


def more(column: str, by: str = "0.1") -> str:
    return f"{column} + NUMERIC '{by}' AS {column}"


TAKEN = (*range(9), 13, 14, *range(18, 25))  # features with decimals

EDITS: dict[str, dict[str, str]] = {
    "TDZA": {
        "strongest zone": "NUMERIC '5.00' AS paint_defense_vs_league_avg",
        "weakest zone": "NUMERIC '-5.00' AS paint_defense_vs_league_avg",
        "sample": "14 AS games_in_sample",
        "fixed columns": "'low' AS data_quality_tier",
        "accuracy range": "NUMERIC '1.001' AS three_pt_pct_allowed_last_15",
        "points in the paint": more("paint_points_allowed_per_game"),
        "points per game": more("opponent_points_per_game"),
        "defensive rating": more("defensive_rating_last_15", "0.01"),
        "pace": "CAST(NULL AS NUMERIC) AS opponent_pace",
        **{
            f"{zone} attempts per game": more(f"{zone}_attempts_allowed_per_game") for zone in ZONES
        },
        **{f"{zone} accuracy": more(f"{zone}_pct_allowed_last_15", "0.001") for zone in ZONES},
        **{
            f"{zone} against the league": more(f"{zone}_defense_vs_league_avg", "0.01")
            for zone in ZONES
        },
        "paint blocks per game": "NUMERIC '0.0' AS paint_blocks_per_game",
        "mid_range blocks per game": "NUMERIC '0.0' AS mid_range_blocks_per_game",
        "three_pt blocks per game": "NUMERIC '0.0' AS three_pt_blocks_per_game",
    },
    "PSZA": {
        "rates": more("paint_rate_last_10", "0.02"),
        "rate range": "NUMERIC '100.01' AS assisted_rate_last_10",
        "accuracy range": "NUMERIC '1.001' AS paint_pct_last_20",
        "samples": "9 AS games_in_sample_10",
        "long sample": "14 AS games_in_sample_20",
        "fixed columns": "'limited' AS sample_quality_20",
        "zone": "'balanced' AS primary_scoring_zone",
        "shots": "total_shots_last_10 + 1 AS total_shots_last_10",
        "games": "games_in_sample_20 + 1 AS games_in_sample_20",
        "player id": "'somebody' AS universal_player_id",
        "long rate": more("paint_rate_last_20", "0.01"),
        "long accuracy": "CAST(NULL AS NUMERIC) AS paint_pct_last_20",
        "assisted": more("assisted_rate_last_10", "0.01"),
        "unassisted": "NUMERIC '0.00' AS unassisted_rate_last_10",
        **{f"{zone} attempts per game": more(f"{zone}_attempts_per_game") for zone in ZONES},
        **{f"{zone} rate": more(f"{zone}_rate_last_10", "0.01") for zone in ZONES},
        **{f"{zone} accuracy": more(f"{zone}_pct_last_10", "0.001") for zone in ZONES},
    },
    "PCF": {
        "context": "'0022100999' AS game_id",
        "fatigue range": "30 AS fatigue_score",
        "mismatch range": "NUMERIC '10.1' AS shot_zone_mismatch_score",
        "pace and usage range": "NUMERIC '-3.1' AS pace_score",
        "reserved factors": "NUMERIC '0.1' AS travel_impact_score",
        "fixed columns": "TRUE AS early_season_flag",
        "missing fields": "CAST(NULL AS STRING) AS missing_data_fields",
        "warnings": "TRUE AS has_warnings",
        "sum": more("total_composite_adjustment", "0.20"),
        "completeness": "data_completeness_pct - 20 AS data_completeness_pct",
        "fatigue": "fatigue_score - 5 AS fatigue_score",
        "mismatch": more("shot_zone_mismatch_score"),
        "pace": more("pace_score", "0.2"),
        "usage": more("usage_spike_score"),
    },
    "PDC": {
        "points over 5 games": more("points_avg_last_5"),
        "points over 10 games": more("points_avg_last_10"),
        "points of the season": more("points_avg_season"),
        "deviation": more("points_std_last_10", "0.01"),
        "minutes": more("minutes_avg_last_10"),
        "usage over 10 games": more("usage_rate_last_10", "0.01"),
        "usage of the season": more("player_usage_rate_season", "0.01"),
        "shooting": more("ts_pct_last_10", "0.001"),
        "assisted": more("assisted_rate_last_10", "0.01"),
        "team pace": more("team_pace_last_10"),
        "team rating": more("team_off_rating_last_10", "0.01"),
        "games": "games_played_season + 1 AS games_played_season",
        "fewest games": "9 AS games_played_season",
        "flags": "TRUE AS early_season_flag",
        "assisted range": "NUMERIC '1.01' AS assisted_rate_last_10",
        "shot row": f"IF(player_lookup = '{PLAYER}', 'nobody', player_lookup) AS player_lookup",
        "shot columns": "'balanced' AS primary_scoring_zone",
        "context": "games_in_last_7_days + 1 AS games_in_last_7_days",
    },
    "ML": {
        **{f"feature {i}": feature(i, f"features[OFFSET({i})] + 0.00001") for i in TAKEN},
        **{
            f"feature {i}": feature(i, f"1.0 - features[OFFSET({i})]")
            for i in (9, 10, 12, 15, 16, 17)
        },
        "feature 11": feature(11, "IF(features[OFFSET(11)] = 0, 1.0, 0.0)"),
        "upstream rows": f"IF(player_lookup = '{PLAYER}', 'nobody', player_lookup) AS player_lookup",
        "number of features": "[features[OFFSET(0)]] AS features",
        "names": "['points'] AS feature_names",
        "ranges": feature(0, "CAST('NaN' AS FLOAT64)"),
        "quality": more("feature_quality_score", "0.01"),
        "tier": "'bronze' AS quality_tier",
        "data source": "'phase4' AS data_source",
        "fixed columns": "TRUE AS early_season_flag",
        "context": "days_rest + 1 AS days_rest",
    },
}


@pytest.mark.specification
@pytest.mark.usefixtures("processed")
@pytest.mark.parametrize(
    ("code", "check"), [(code, check) for code, edits in EDITS.items() for check in edits]
)
def test_a_row_that_was_edited_breaks_its_rule(code: str, check: str) -> None:
    edit(code, EDITS[code][check])
    assert check in broken(code)


@pytest.mark.parametrize("code", CHAIN)
def test_every_rule_is_broken_by_an_edit(code: str) -> None:
    listed = re.findall(r"'([^']*)' AS checks", content_checks.render(code.lower()))
    names = [line.split("|")[0] for lines in listed for line in lines.split(";")]
    assert max(Counter(names).values()) == 1
    assert EDITS[code].keys() == set(names) - {"number of teams"}


@pytest.mark.usefixtures("processed")
def test_a_league_of_more_than_thirty_teams_is_told_with_a_surplus_team() -> None:
    there = f"SELECT * FROM {PROCESSORS['TDZA'].output} WHERE analysis_date = @day"
    name = "IF(n = 1, team_abbr, 'A' || team_abbr || CAST(n AS STRING)) AS team_abbr"
    many = f"SELECT * EXCEPT (n) REPLACE ({name}) FROM ({there}) CROSS JOIN UNNEST(GENERATE_ARRAY(1, @copies)) AS n"
    for copies, expected in ((15, set()), (16, {"number of teams"})):
        warehouse().stage("judged_tdza", many, {"copies": copies, "day": SECOND})
        assert broken("TDZA") == expected
    (found,) = content_checks.violations(OPENING, ["TDZA"])
    assert (found.sample, found.count) == ("ANYK8", 2)  # the last by name of those without a game
    failed = "SELECT f.* REPLACE (@day AS analysis_date, 'Z' || entity_id AS entity_id) FROM judged_failures AS f WHERE processor_name = @name"
    warehouse().stage("failed", failed, {"day": SECOND, "name": PROCESSORS["TDZA"].name})
    warehouse().stage("judged_failures", "SELECT * FROM failed", {})
    warehouse().stage("judged_tdza", many, {"copies": 15, "day": SECOND})
    assert broken("TDZA") == {"number of teams"}


# Messages


@pytest.mark.usefixtures("processed")
def test_nothing_is_wrong_with_the_tiny_season() -> None:
    assert content_checks.violations(OPENING) == []
    assert content_checks.jumps(OPENING, PROCESSING, content_checks.output_shares(OPENING)) == []
    assert content_checks.repeated_inputs(OPENING) == {}


@pytest.mark.usefixtures("processed")
def test_a_violation_says_what_is_wrong_where_and_how_often() -> None:
    edit("PCF", "fatigue_score - 5 AS fatigue_score")
    found = [v for v in content_checks.violations(OPENING) if v.check == "fatigue"]
    sentence = "fatigue differs from the context"
    assert found == [
        Violation(
            check="fatigue", processor="PCF", date=day, count=2, sample="awad", sentence=sentence
        )
        for day in sorted({v.date for v in found})
    ]
    assert [v.date for v in found] == list(PROCESSING)


@pytest.mark.usefixtures("processed")
def test_what_was_changed_upstream_is_told_of_what_was_made_from_it() -> None:
    edit("PSZA", "NUMERIC '60.00' AS paint_rate_last_10")
    assert {v.check for v in content_checks.violations(OPENING) if v.processor == "PDC"} == {
        "shot columns"
    }
    assert {v.check for v in content_checks.violations(OPENING) if v.processor == "ML"} == {
        "feature 18"
    }


@pytest.mark.usefixtures("processed")
def test_rows_whose_upstream_is_not_there_at_all_are_not_told_to_be_wrong() -> None:
    edit("PSZA", where="analysis_date <> @dates[OFFSET(0)]")
    warehouse().stage("judged_failures", "SELECT * FROM judged_failures WHERE FALSE", {})
    assert content_checks.violations(OPENING) == []
    edit("PSZA", where=f"NOT (analysis_date = @dates[OFFSET(0)] AND player_lookup = '{PLAYER}')")
    found = {
        (v.processor, v.check, v.date, v.count, v.sample)
        for v in content_checks.violations(OPENING)
    }
    assert {
        ("PDC", "shot row", FIRST, 1, PLAYER),
        ("ML", "upstream rows", FIRST, 1, PLAYER),
    } < found
    assert {(day, sample) for _, _, day, _, sample in found} == {(FIRST, PLAYER)}


@pytest.mark.usefixtures("processed")
def test_only_what_is_asked_for_is_judged() -> None:
    edit("PCF", "fatigue_score - 5 AS fatigue_score")
    assert content_checks.violations(OPENING, ["TDZA", "PSZA", "PDC"]) == []


# Shares


@pytest.mark.usefixtures("processed")
def test_a_share_counts_the_rows_of_a_date() -> None:
    edit("PDC", "CAST(NULL AS NUMERIC) AS points_avg_last_5", "NUMERIC '0.0' AS points_avg_last_10")
    found = {(s.table, s.column, s.date): s for s in content_checks.shares(OPENING)}
    assert found["PDC", "points_avg_last_5", FIRST] == Share(
        "PDC", "points_avg_last_5", FIRST, 2, 2, 0, 0, teams=2
    )
    assert found["PDC", "points_avg_last_10", FIRST] == Share(
        "PDC", "points_avg_last_10", FIRST, 2, 0, 2, 1, teams=2, value="0.000000000"
    )
    assert found["UPGC", "home_game", FIRST] == Share(
        "UPGC", "home_game", FIRST, 2, 2, 0, 0, teams=2
    )
    assert found["PGS", "is_active", NIGHTS[0]] == Share(
        "PGS", "is_active", NIGHTS[0], 2, 0, 0, 1, teams=2, value="true"
    )
    assert found["PGS", "points", NIGHTS[0]].distinct == 1
    assert {day for table, _, day in found if table == "PGS"} == set(NIGHTS)
    assert {day for table, _, day in found if table == "TDZA"} == set(PROCESSING[1:])
    assert {(table, column) for table, column, _ in found} == {
        (t, c.name) for t in (*SOURCES, *CHAIN) for c in counted_columns(t)
    }


@pytest.mark.usefixtures("season")
def test_games_that_are_there_twice_are_counted_by_date() -> None:
    rows = season_rows(PGS)
    again = [row for row in rows if row["game_date"] in (NIGHTS[3], NIGHTS[5])]
    assert content_checks.repeated_inputs(OPENING) == {}
    moved = [
        row | {"game_date": LAST}
        for row in rows
        if row["game_date"] == NIGHTS[7] and row["player_lookup"] == PLAYER
    ]
    give(PGS, [*rows, *again, *again[:1], *moved], warehouse().root)  # type: ignore[attr-defined]
    assert content_checks.repeated_inputs(OPENING) == {
        (str(PGS), NIGHTS[3]): 3,
        (str(PGS), NIGHTS[5]): 2,
        (str(PGS), LAST): 1,
    }


# Whole seasons


@pytest.mark.specification
@pytest.mark.xdist_group("simulated")
def test_of_the_planted_faults_the_lost_zone_is_the_one_jump(simulated: Simulated) -> None:
    fault = next(f for f in simulated.faults if f.kind is FaultKind.NULL_ZONE)
    load.stage(simulated.dates)
    (jump,) = content_checks.jumps(
        simulated.start, simulated.dates, content_checks.output_shares(simulated.start)
    )
    assert (jump.table, jump.columns, jump.what, jump.dates) == (
        "PGS",
        fault.columns,
        ConstantKind.NULL,
        fault.dates,
    )
    assert (jump.share, jump.followers) == (1.0, ())
    assert content_checks.violations(simulated.start) == []


@pytest.mark.specification
@pytest.mark.django_db
@pytest.mark.xdist_group("simulated")
def test_each_planted_fault_is_a_finding_of_its_own(simulated: Simulated) -> None:
    (season,) = season_audit.seasons()
    found = [f for f in season.findings() if f.weight > Severity.NOTE]
    own = {f.kind: f for f in found if f.root is None}
    (lost,) = (f for f in simulated.faults if f.kind is FaultKind.NULL_ZONE)
    assert own[kinds.COLUMN_JUMP].dates == lost.dates
    assert {kinds.PHASE3_MISSING, kinds.LOW_COVERAGE, kinds.DUPLICATE_INPUT} <= own.keys()
    assert {f.kind for f in found if f.root} == set()

    # A load of other rows of the season corrects none of them.
    stored = [
        Finding.objects.create(
            kind=f.kind.name, season=f.season, subject=f.subject, **as_fields(f, 1)
        )
        for f in found
    ]
    record_load([season.year], "ann", LoadSelection.of("PGS", rows=True))
    corrections = [c for f in stored if (c := correction_of(f))]
    assert len(corrections) >= 4
    assert not any(c.is_loaded for c in corrections)


@pytest.mark.specification
@pytest.mark.xdist_group("simulated")
def test_the_planted_copies_are_counted(simulated: Simulated) -> None:
    fault = next(f for f in simulated.faults if f.kind is FaultKind.DUPLICATE_ROWS)
    found = content_checks.repeated_inputs(simulated.start)
    assert {(BY_REF[table].short, day) for table, day in found} == {
        (table, day) for table in fault.tables for day in fault.dates
    }


@pytest.mark.specification
@pytest.mark.xdist_group("simulated")
def test_one_date_tells_what_its_windows_hold(simulated: Simulated) -> None:
    fault = next(f for f in simulated.faults if f.kind is FaultKind.NULL_ZONE)
    for day, expected in ((fault.dates[0], 1), (simulated.dates[-1], 1), (simulated.dates[0], 0)):
        load.stage([day])
        assert len(content_checks.jumps(simulated.start, [day], [])) == expected
        assert content_checks.violations(simulated.start) == []


@pytest.mark.specification
@pytest.mark.xdist_group("simulated")
def test_a_context_column_that_is_lost_is_one_jump_with_all_that_follows(
    simulated: Simulated,
) -> None:
    lost = simulated.dates[-5:]
    with simulated.without("UPGC", "pace_differential", lost):
        load.stage(simulated.dates)
        found = content_checks.jumps(
            simulated.start, simulated.dates, content_checks.output_shares(simulated.start)
        )
        names = {j.names: [f.names for f in j.followers] for j in found if j.table == "UPGC"}
        assert names == {("UPGC.pace_differential",): [("PCF.pace_score",), ("ML.pace_score",)]}
        assert [j.dates for j in found if j.table == "UPGC"] == [tuple(lost)]
        assert content_checks.violations(simulated.start) == []


# The oracle


def violations_of(league: League, backfill_mode: bool) -> Iterator[Violation]:
    """Yield the violations found in the oracle's outcomes for a league."""
    chain = run_chain(
        league.tables, league.dates, season_start=SEASON_START, backfill_mode=backfill_mode
    )
    tables = {
        short: rows for short, rows in league.tables.items() if short not in (*ORDER, "FAILURES")
    }
    for code, outcomes in chain.items():
        tables = with_written(tables, code, outcomes)
    with pytest.MonkeyPatch.context() as patch:
        rows = RowsWarehouse()
        rows.give(tables)
        for module in (content_checks, load):
            patch.setattr(module, "warehouse", lambda: rows)
        load.stage(league.dates)
        yield from content_checks.violations(SEASON_START)


@pytest.mark.specification
@pytest.mark.parametrize("backfill_mode", [True, False], ids=["backfill", "normal"])
@given(league=leagues())
@league_settings
def test_what_the_oracle_makes_of_any_league_breaks_no_rule(
    league: League, backfill_mode: bool
) -> None:
    assert list(violations_of(league, backfill_mode)) == []
