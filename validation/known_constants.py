"""Columns that are NULL, zero or constant by design, each with its reason. They are not bugs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from validation.thresholds import SHOT_ZONES


class ConstantKind(StrEnum):
    """Kind of constant values of a column."""

    NULL = "NULL"
    ZERO = "zero"
    CONSTANT = "constant"


ALWAYS = NULL, ZERO, CONSTANT = tuple(ConstantKind)


@dataclass(frozen=True, kw_only=True)
class KnownConstant:
    """Columns, of one table or of all tables, that can be constant without a bug.

    `all_season`: in every row of a season; otherwise only on some dates.
    """

    columns: str
    may_be: tuple[ConstantKind, ...]
    because: str
    table: str = ""
    all_season: bool = False


PLACEHOLDERS = (
    KnownConstant(
        columns="referee_favorability_score look_ahead_pressure_score travel_impact_score opponent_strength_score",
        may_be=ALWAYS,
        because="reserved factors: 0.0 in every row",
        table="PCF",
    ),
    KnownConstant(
        columns="early_season_flag",
        may_be=ALWAYS,
        because="FALSE in every row: entities with too few games have no row",
    ),
    KnownConstant(
        columns="games_in_sample games_in_sample_10 sample_quality_10 data_quality_tier",
        may_be=ALWAYS,
        because="no shorter sample is written",
    ),
    KnownConstant(
        columns="games_in_sample_20 sample_quality_20 games_played_season",
        may_be=ALWAYS,
        because="the same for all entities late in a season",
    ),
    KnownConstant(
        columns="paint_rate_last_20 paint_pct_last_20",
        may_be=(NULL,),
        because=f"NULL below {SHOT_ZONES.trend_minimum_games} games",
        table="PSZA",
    ),
    KnownConstant(
        columns="calculation_notes missing_data_fields warning_details has_warnings insufficient_data_reason",
        may_be=ALWAYS,
        because="NULL or FALSE without a warning",
    ),
    KnownConstant(
        columns="data_completeness_pct feature_quality_score quality_tier data_source",
        may_be=ALWAYS,
        because="the same for all entities with complete data",
    ),
    KnownConstant(
        columns="calculation_version cache_version feature_version feature_count feature_names shot_zone_data_available",
        may_be=ALWAYS,
        because="the same in every row",
    ),
    KnownConstant(
        columns="fatigue_context_json shot_zone_context_json pace_context_json usage_context_json",
        may_be=ALWAYS,
        because="informational; no column is computed from it",
        table="PCF",
    ),
    KnownConstant(
        columns="player_full_name",
        may_be=ALWAYS,
        because="informational; no column is computed from it",
        table="PGS",
        all_season=True,
    ),
    KnownConstant(
        columns="home_game",
        may_be=ALWAYS,
        because="read by no processor",
        table="PGS",
        all_season=True,
    ),
    KnownConstant(
        columns="home_game",
        may_be=ALWAYS,
        because="read by no processor",
        table="TDGS",
        all_season=True,
    ),
    KnownConstant(
        columns="home_game",
        may_be=ALWAYS,
        because="read by no processor",
        table="TOGS",
        all_season=True,
    ),
    KnownConstant(
        columns="is_active",
        may_be=(CONSTANT,),
        because="players who did not play can have no row",
        table="PGS",
        all_season=True,
    ),
    KnownConstant(
        columns="home_game is_home home_away",
        may_be=(ZERO,),
        because="zero for away games, half of all rows",
    ),
    KnownConstant(
        columns="win_flag", may_be=(ZERO,), because="zero for lost games, half of all rows"
    ),
    KnownConstant(
        columns="season_phase playoff_game",
        may_be=(ZERO, CONSTANT),
        because="the same for all games of a part of the season",
        all_season=True,
    ),
    KnownConstant(
        columns="player_status injury_risk",
        may_be=(ZERO, CONSTANT),
        because="most players are available",
    ),
    KnownConstant(
        columns="days_rest opponent_days_rest back_to_back rest_advantage fatigue_score",
        may_be=(ZERO, CONSTANT),
        because="equal rest for all after nights without games",
    ),
    KnownConstant(
        columns="games_in_last_7_days minutes_in_last_7_days avg_minutes_per_game_last_7 fourth_quarter_minutes_last_7",
        may_be=ALWAYS,
        because="no games in the week after the All-Star break",
    ),
    KnownConstant(
        columns="games_in_last_14_days back_to_backs_last_14_days",
        may_be=(ZERO, CONSTANT),
        because="few values, equal after a break",
    ),
    KnownConstant(
        columns="star_teammates_out",
        may_be=(ZERO, CONSTANT),
        because="most teams have no missing star",
    ),
    KnownConstant(
        columns="usage_spike_score",
        may_be=(ZERO, CONSTANT),
        because="zero if no player is expected to exceed recent usage",
    ),
    KnownConstant(
        columns="recent_trend minutes_change",
        may_be=(ZERO, CONSTANT),
        because="zero without a change",
    ),
    KnownConstant(
        columns="blocks_mid_range blocks_three_pt mid_range_blocks_per_game three_pt_blocks_per_game",
        may_be=(ZERO, CONSTANT),
        because="rare",
    ),
    KnownConstant(
        columns="strongest_zone weakest_zone primary_scoring_zone",
        may_be=(CONSTANT,),
        because="few values; few players can agree by chance",
    ),
)


# NULL in every row of a season whose source does not have them; never NULL on some dates only.
UNKNOWN_ALL_SEASON = tuple(
    KnownConstant(
        columns=columns,
        may_be=(NULL,),
        because="not in a shot log, the source of some seasons",
        table=table,
        all_season=True,
    )
    for table, columns in {
        "PGS": "minutes_played points assisted_fg_makes unassisted_fg_makes ft_attempts ft_makes usage_rate ts_pct",
        "TDGS": "points_in_paint_allowed blocks_paint blocks_mid_range blocks_three_pt points_allowed "
        "defensive_rating opponent_pace",
        "TOGS": "points_scored pace offensive_rating win_flag",
        "UPGC": "minutes_in_last_7_days minutes_in_last_14_days avg_minutes_per_game_last_7 "
        "fourth_quarter_minutes_last_7 player_age projected_usage_rate avg_usage_rate_last_7_games "
        "star_teammates_out pace_differential opponent_pace_last_10 opponent_days_rest player_status",
    }.items()
)
# Equal in every row for weeks by chance, so that a short period proves nothing.
RARE = (
    "back_to_back",
    "back_to_backs_last_14_days",
    "star_teammates_out",
    "player_status",
    "blocks_mid_range",
    "blocks_three_pt",
)


@cache
def may_be(table: str, name: str) -> frozenset[ConstantKind]:
    """Return the kinds of constants that are not a bug in a column, on some dates."""
    return _known(PLACEHOLDERS, table, name)


@cache
def may_be_all_season(table: str, name: str) -> frozenset[ConstantKind]:
    """Return the kinds of constants that are not a bug in a column, even in a whole season."""
    found = _known([p for p in PLACEHOLDERS if p.all_season], table, name)
    return found | _known(UNKNOWN_ALL_SEASON, table, name)


def _known(among: Iterable[KnownConstant], table: str, name: str) -> frozenset[ConstantKind]:
    known = (p.may_be for p in among if p.table in ("", table) and name in p.columns.split())
    return frozenset(kind for kinds in known for kind in kinds)
