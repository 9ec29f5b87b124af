"""Columns whose NULLs, zeros or constants are by design, each with why. Nobody is to hunt them as
bugs.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from validation.thresholds import SHOT_ZONES


class ConstantKind(StrEnum):
    """What the values of a column may suddenly be."""

    NULL = "NULL"
    ZERO = "zero"
    CONSTANT = "constant"


ALWAYS = NULL, ZERO, CONSTANT = tuple(ConstantKind)


@dataclass(frozen=True)
class KnownConstant:
    """Columns (of all tables that have them, or of one) that may be so without anything being
    wrong, and why.
    """

    columns: str
    may_be: tuple[ConstantKind, ...]
    because: str
    table: str = ""


PLACEHOLDERS = (
    KnownConstant(
        "referee_favorability_score look_ahead_pressure_score travel_impact_score opponent_strength_score",
        ALWAYS,
        "reserved factors: 0.0 in every row",
        "PCF",
    ),
    KnownConstant(
        "early_season_flag", ALWAYS, "FALSE in every row: who has too few games has none"
    ),
    KnownConstant(
        "games_in_sample games_in_sample_10 sample_quality_10 data_quality_tier",
        ALWAYS,
        "no shorter sample is written",
    ),
    KnownConstant(
        "games_in_sample_20 sample_quality_20 games_played_season",
        ALWAYS,
        "the same for all once a season is old",
    ),
    KnownConstant(
        "paint_rate_last_20 paint_pct_last_20",
        (NULL,),
        f"NULL below {SHOT_ZONES.trend_minimum_games} games",
        "PSZA",
    ),
    KnownConstant(
        "calculation_notes missing_data_fields warning_details has_warnings insufficient_data_reason",
        ALWAYS,
        "NULL or FALSE when there is nothing to say",
    ),
    KnownConstant(
        "data_completeness_pct feature_quality_score quality_tier data_source",
        ALWAYS,
        "the same for all when nothing lacks",
    ),
    KnownConstant(
        "calculation_version cache_version feature_version feature_count feature_names shot_zone_data_available",
        ALWAYS,
        "the same in every row",
    ),
    KnownConstant(
        "fatigue_context_json shot_zone_context_json pace_context_json usage_context_json",
        ALWAYS,
        "for reading; nothing is made from it",
        "PCF",
    ),
    KnownConstant("player_full_name", ALWAYS, "for reading; nothing is made from it", "PGS"),
    KnownConstant("home_game", ALWAYS, "read by no processor", "PGS"),
    KnownConstant("home_game", ALWAYS, "read by no processor", "TDGS"),
    KnownConstant("home_game", ALWAYS, "read by no processor", "TOGS"),
    KnownConstant("is_active", (CONSTANT,), "who did not play may have no row at all", "PGS"),
    KnownConstant("home_game is_home home_away", (ZERO,), "whoever plays abroad; half of all"),
    KnownConstant("win_flag", (ZERO,), "lost; half of all"),
    KnownConstant(
        "season_phase playoff_game",
        (ZERO, CONSTANT),
        "the same for all games of a part of the season",
    ),
    KnownConstant("player_status injury_risk", (ZERO, CONSTANT), "most players are available"),
    KnownConstant(
        "days_rest opponent_days_rest back_to_back rest_advantage fatigue_score",
        (ZERO, CONSTANT),
        "after nights without games everybody is rested alike",
    ),
    KnownConstant(
        "games_in_last_7_days minutes_in_last_7_days avg_minutes_per_game_last_7 fourth_quarter_minutes_last_7",
        ALWAYS,
        "after the All-Star break nobody has played for a week",
    ),
    KnownConstant(
        "games_in_last_14_days back_to_backs_last_14_days",
        (ZERO, CONSTANT),
        "few values, equal after a break",
    ),
    KnownConstant("star_teammates_out", (ZERO, CONSTANT), "most teams lack nobody"),
    KnownConstant(
        "usage_spike_score",
        (ZERO, CONSTANT),
        "zero where nobody is expected to do more than lately",
    ),
    KnownConstant("recent_trend minutes_change", (ZERO, CONSTANT), "zero where nothing changes"),
    KnownConstant(
        "blocks_mid_range blocks_three_pt mid_range_blocks_per_game three_pt_blocks_per_game",
        (ZERO, CONSTANT),
        "rare",
    ),
    KnownConstant(
        "strongest_zone weakest_zone primary_scoring_zone",
        (CONSTANT,),
        "few values; of few players they may agree",
    ),
)


@cache
def may_be(table: str, name: str) -> frozenset[ConstantKind]:
    """What a column may be without anything being wrong."""
    found = (p.may_be for p in PLACEHOLDERS if p.table in ("", table) and name in p.columns.split())
    return frozenset(what for may_be in found for what in may_be)
