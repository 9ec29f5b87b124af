"""Section 10 of the specification: checks of one date's rows and failures alone."""

from __future__ import annotations

from decimal import Decimal
from math import inf

from tests.oracle.features import NAMES
from tests.oracle.ml import quality_tier
from tests.oracle.outcome import Outcome, Row

SHOT_ZONES = ("paint", "mid_range", "three_pt")
RESERVED = (
    "referee_favorability_score",
    "look_ahead_pressure_score",
    "travel_impact_score",
    "opponent_strength_score",
)
# Largest distance of the stored total from the sum of the rounded parts: three halves of a tenth,
# and a half of a hundredth.
ROUNDING = Decimal("0.155")
FEATURE_RANGES: dict[int, tuple[float, float]] = {
    **dict.fromkeys((0, 1, 2, 3, 4, 13, 14, 22, 23), (0, inf)),
    **{
        5: (35, 100),
        6: (-10, 10),
        7: (-3, 3),
        8: (-3, 3),
        9: (-2, 2),
        10: (0, 3),
        11: (-2, 2),
        12: (-2, 2),
    },
    **dict.fromkeys((15, 16, 17, 18, 19, 20, 24), (0, 1)),
    21: (0, 0.5),
}


def check_date(outcomes: dict[str, Outcome]) -> None:
    """Check every row of one date, and that the five tables fit together."""
    check_chain(outcomes)
    for row in outcomes["TDZA"].rows.values():
        check_defense(row)
    for row in outcomes["PSZA"].rows.values():
        check_shots(row)
    for row in outcomes["PCF"].rows.values():
        check_factors(row)
    for player, row in outcomes["PDC"].rows.items():
        check_cache(row, outcomes["PSZA"].rows[player])
    for row in outcomes["ML"].rows.values():
        check_vector(row)


def check_chain(outcomes: dict[str, Outcome]) -> None:
    """Check that three processors share a population, and that no row exists without its inputs."""
    populations = [
        {*outcomes[code].rows, *outcomes[code].failures} for code in ("PCF", "PDC", "ML")
    ]
    assert populations[0] == populations[1] == populations[2]
    rows = {code: set(outcome.rows) for code, outcome in outcomes.items()}
    assert rows["ML"] <= rows["PSZA"] & rows["PCF"] & rows["PDC"]
    assert rows["PDC"] <= rows["PSZA"]


def _within(row: Row, low: float, high: float, *columns: str) -> None:
    for column in columns:
        assert row[column] is None or low <= row[column] <= high, (
            f"{column} = {row[column]} outside {low}..{high}"
        )


def check_defense(row: Row) -> None:
    assert row["games_in_sample"] == 15
    _within(row, 0, 1, *(f"{zone}_pct_allowed_last_15" for zone in SHOT_ZONES))
    versus = {zone: row[f"{zone}_defense_vs_league_avg"] for zone in SHOT_ZONES}
    present = [value for value in versus.values() if value is not None]
    columns = {"paint": "paint", "mid_range": "mid_range", "perimeter": "three_pt"}
    for label, extreme in (("strongest_zone", min), ("weakest_zone", max)):
        assert (row[label] is None) == (not present), label
        assert not present or versus[columns[row[label]]] == extreme(present), label


def check_shots(row: Row) -> None:
    rates = [row[f"{zone}_rate_last_10"] for zone in SHOT_ZONES]
    assert all(r is None for r in rates) or abs(sum(rates) - 100) <= Decimal("0.01"), rates
    _within(row, 0, 100, *(f"{zone}_rate_last_10" for zone in SHOT_ZONES), "paint_rate_last_20")
    _within(row, 0, 100, "assisted_rate_last_10", "unassisted_rate_last_10")
    _within(row, 0, 1, *(f"{zone}_pct_last_10" for zone in SHOT_ZONES), "paint_pct_last_20")
    assert row["games_in_sample_10"] == 10
    _within(row, 10, 20, "games_in_sample_20")
    if row["games_in_sample_20"] < 15:
        assert (row["paint_rate_last_20"], row["paint_pct_last_20"]) == (None, None)
    assert row["primary_scoring_zone"] == _zone(*rates)


def _zone(paint: Decimal | None, mid_range: Decimal | None, three: Decimal | None) -> str | None:
    if paint is None or mid_range is None or three is None:
        return None
    tests = {"paint": paint >= 40, "perimeter": three >= 40, "mid_range": mid_range >= 35}
    return next((zone for zone, holds in tests.items() if holds), "balanced")


def check_factors(row: Row) -> None:
    _within(row, 35, 100, "fatigue_score")
    _within(row, -10, 10, "shot_zone_mismatch_score")
    _within(row, -3, 3, "pace_score", "usage_spike_score")
    assert all(row[column] == 0 for column in RESERVED)
    assert row["data_completeness_pct"] in (0, 20, 40, 60, 80, 100)
    assert (row["missing_data_fields"] is None) == (row["data_completeness_pct"] == 100)
    assert row["has_warnings"] == (row["warning_details"] is not None)
    parts = row["shot_zone_mismatch_score"] + row["pace_score"] + row["usage_spike_score"]
    assert (
        abs(row["total_composite_adjustment"] - (Decimal(row["fatigue_score"] - 100) / 20 + parts))
        <= ROUNDING
    )


def check_cache(row: Row, shots: Row) -> None:
    assert row["games_played_season"] >= 10
    flags = ("early_season_flag", "insufficient_data_reason", "shot_zone_data_available")
    assert [row[flag] for flag in flags] == [False, None, True]
    _within(row, 0, 1, "assisted_rate_last_10")
    for column in ("primary_scoring_zone", "paint_rate_last_10", "three_pt_rate_last_10"):
        assert row[column] == shots[column], column


def check_vector(row: Row) -> None:
    assert len(row["features"]) == row["feature_count"] == 25
    assert row["feature_names"] == list(NAMES)
    for i, (low, high) in FEATURE_RANGES.items():
        # NaN fails every comparison, and NULL cannot be compared.
        assert low <= row["features"][i] <= high, NAMES[i]
    score = row["feature_quality_score"]
    assert Decimal("68.20") <= score <= 97
    assert row["quality_tier"] == quality_tier(score) in ("gold", "silver", "bronze")
    assert row["data_source"] in ("phase4_partial", "mixed")
