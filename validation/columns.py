"""Which columns matter, and what each of them is made from. Checks read nothing but this and
`placeholders`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property

from validation.expectation import CODES, ML, PCF, PDC, PSZA
from validation.known_constants import ConstantKind, may_be

SOURCES = ("PGS", "TDGS", "TOGS", "UPGC")
OUTPUTS = CODES
PLAYER_TABLES = ("PGS", "UPGC", PSZA, PCF, PDC, ML)
ZONES = ("paint", "mid_range", "three_pt")

# The vector of ML, whose elements are watched as if each were a column.
FEATURES = (
    "points_avg_last_5",
    "points_avg_last_10",
    "points_avg_season",
    "points_std_last_10",
    "games_in_last_7_days",
    "fatigue_score",
    "shot_zone_mismatch_score",
    "pace_score",
    "usage_spike_score",
    "rest_advantage",
    "injury_risk",
    "recent_trend",
    "minutes_change",
    "opponent_def_rating",
    "opponent_pace",
    "home_away",
    "back_to_back",
    "playoff_game",
    "pct_paint",
    "pct_mid_range",
    "pct_three",
    "pct_free_throw",
    "team_pace",
    "team_off_rating",
    "team_win_pct",
)


# A line is `columns <- what they are made from`, sources by table.column; {z} stands for each zone.
# An output is made
# from columns of Phase 3 or of an output before it in the chain.
_COLUMNS = {
    "PGS": """
        is_active minutes_played points fg_attempts fg_makes {z}_attempts {z}_makes
        assisted_fg_makes unassisted_fg_makes ft_attempts ft_makes usage_rate ts_pct universal_player_id
    """,
    "TDGS": """
        opp_{z}_attempts opp_{z}_makes points_in_paint_allowed blocks_{z} points_allowed defensive_rating opponent_pace
    """,
    "TOGS": "points_scored pace offensive_rating win_flag",
    "UPGC": """
        universal_player_id home_game days_rest back_to_back games_in_last_7_days games_in_last_14_days
        back_to_backs_last_14_days minutes_in_last_7_days minutes_in_last_14_days avg_minutes_per_game_last_7
        fourth_quarter_minutes_last_7 player_age projected_usage_rate avg_usage_rate_last_7_games star_teammates_out
        pace_differential opponent_pace_last_10 opponent_days_rest player_status season_phase
    """,
    "TDZA": """
        {z}_pct_allowed_last_15 {z}_defense_vs_league_avg <- TDGS.opp_{z}_makes TDGS.opp_{z}_attempts
        {z}_attempts_allowed_per_game <- TDGS.opp_{z}_attempts
        {z}_blocks_per_game <- TDGS.blocks_{z}
        paint_points_allowed_per_game <- TDGS.points_in_paint_allowed
        defensive_rating_last_15 <- TDGS.defensive_rating
        opponent_points_per_game <- TDGS.points_allowed
        opponent_pace <- TDGS.opponent_pace
        strongest_zone weakest_zone <- TDZA.{z}_defense_vs_league_avg
    """,
    "PSZA": """
        universal_player_id <- PGS.universal_player_id
        {z}_rate_last_10 <- PGS.paint_attempts PGS.mid_range_attempts PGS.three_pt_attempts
        total_shots_last_10 paint_rate_last_20 <- PGS.{z}_attempts
        {z}_pct_last_10 <- PGS.{z}_makes PGS.{z}_attempts
        {z}_attempts_per_game <- PGS.{z}_attempts
        paint_pct_last_20 <- PGS.paint_makes PGS.paint_attempts
        assisted_rate_last_10 <- PGS.assisted_fg_makes PGS.fg_makes
        unassisted_rate_last_10 <- PGS.unassisted_fg_makes PGS.fg_makes
        primary_scoring_zone <- PSZA.{z}_rate_last_10
    """,
    "PCF": """
        universal_player_id <- UPGC.universal_player_id
        fatigue_score <- UPGC.back_to_back UPGC.days_rest UPGC.games_in_last_7_days UPGC.minutes_in_last_7_days
        fatigue_score <- UPGC.avg_minutes_per_game_last_7 UPGC.back_to_backs_last_14_days UPGC.player_age
        shot_zone_mismatch_score <- PSZA.primary_scoring_zone PSZA.{z}_rate_last_10 TDZA.{z}_defense_vs_league_avg
        pace_score <- UPGC.pace_differential
        usage_spike_score <- UPGC.projected_usage_rate UPGC.avg_usage_rate_last_7_games UPGC.star_teammates_out
        total_composite_adjustment <- PCF.fatigue_score PCF.shot_zone_mismatch_score PCF.pace_score PCF.usage_spike_score
    """,
    "PDC": """
        universal_player_id <- UPGC.universal_player_id
        points_avg_last_5 points_avg_last_10 points_avg_season points_std_last_10 <- PGS.points
        minutes_avg_last_10 <- PGS.minutes_played
        usage_rate_last_10 player_usage_rate_season <- PGS.usage_rate
        ts_pct_last_10 <- PGS.ts_pct
        team_pace_last_10 <- TOGS.pace
        team_off_rating_last_10 <- TOGS.offensive_rating
        games_in_last_7_days <- UPGC.games_in_last_7_days
        games_in_last_14_days <- UPGC.games_in_last_14_days
        minutes_in_last_7_days <- UPGC.minutes_in_last_7_days
        minutes_in_last_14_days <- UPGC.minutes_in_last_14_days
        back_to_backs_last_14_days <- UPGC.back_to_backs_last_14_days
        avg_minutes_per_game_last_7 <- UPGC.avg_minutes_per_game_last_7
        fourth_quarter_minutes_last_7 <- UPGC.fourth_quarter_minutes_last_7
        player_age <- UPGC.player_age
        primary_scoring_zone <- PSZA.primary_scoring_zone
        paint_rate_last_10 <- PSZA.paint_rate_last_10
        three_pt_rate_last_10 <- PSZA.three_pt_rate_last_10
        assisted_rate_last_10 <- PGS.assisted_fg_makes PGS.fg_makes
    """,
    "ML": """
        points_avg_last_5 <- PDC.points_avg_last_5
        points_avg_last_10 <- PDC.points_avg_last_10
        points_avg_season <- PDC.points_avg_season
        points_std_last_10 <- PDC.points_std_last_10
        games_in_last_7_days <- PDC.games_in_last_7_days
        fatigue_score <- PCF.fatigue_score
        shot_zone_mismatch_score <- PCF.shot_zone_mismatch_score
        pace_score <- PCF.pace_score
        usage_spike_score <- PCF.usage_spike_score
        rest_advantage <- UPGC.days_rest UPGC.opponent_days_rest
        injury_risk <- UPGC.player_status
        recent_trend <- PGS.points
        minutes_change <- PGS.minutes_played
        opponent_def_rating <- TDZA.defensive_rating_last_15
        opponent_pace <- TDZA.opponent_pace
        home_away is_home <- UPGC.home_game
        back_to_back <- UPGC.back_to_back
        playoff_game <- UPGC.season_phase
        pct_paint <- PSZA.paint_rate_last_10
        pct_mid_range <- PSZA.mid_range_rate_last_10
        pct_three <- PSZA.three_pt_rate_last_10
        pct_free_throw <- PGS.ft_makes PGS.points
        team_pace <- PDC.team_pace_last_10
        team_off_rating <- PDC.team_off_rating_last_10
        team_win_pct <- TOGS.win_flag
        universal_player_id <- UPGC.universal_player_id
        days_rest <- UPGC.days_rest
    """,
}

# The same for all players of a team: many rows, few values, which a test must not take for many.
_OF_TEAM = """
    pace_differential opponent_pace_last_10 opponent_days_rest pace_score shot_zone_mismatch_score team_pace_last_10
    team_off_rating_last_10 rest_advantage opponent_def_rating opponent_pace team_pace team_off_rating team_win_pct
"""


@dataclass(frozen=True)
class Critical:
    """A column that is watched. `sources` are what it is made from, as table.column."""

    table: str
    name: str
    sources: tuple[str, ...] = ()

    @cached_property
    def watched(self) -> tuple[ConstantKind, ...]:
        """What it may not suddenly be."""
        return tuple(what for what in ConstantKind if what not in may_be(self.table, self.name))

    @cached_property
    def is_of_team(self) -> bool:
        """Whether the players of a team share its value, wholly or in the main."""
        return self.table in PLAYER_TABLES and self.name in _OF_TEAM.split()


def _zoned(name: str) -> tuple[str, ...]:
    """A name once for each zone, where it names one."""
    return tuple(name.format(z=zone) for zone in ZONES) if "{z}" in name else (name,)


def _lines(table: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each column with its sources: those of the same zone where both name one."""
    for names, _, sources in (
        line.partition("<-") for line in filter(None, map(str.strip, _COLUMNS[table].splitlines()))
    ):
        for name in names.split():
            for zone in ZONES if "{z}" in name else ("",):
                of_zone = (s.format(z=zone) if zone else s for s in sources.split())
                yield (
                    name.format(z=zone),
                    tuple(full for source in of_zone for full in _zoned(source)),
                )


def _declared(table: str) -> Iterator[Critical]:
    sources: dict[str, tuple[str, ...]] = {}
    for name, found in _lines(table):
        sources[name] = sources.get(name, ()) + found
    return (Critical(table, name, found) for name, found in sources.items())


_BY_NAME = {f"{c.table}.{c.name}": c for table in (*SOURCES, *OUTPUTS) for c in _declared(table)}
CRITICAL = {
    table: tuple(c for c in _BY_NAME.values() if c.table == table and c.watched)
    for table in (*SOURCES, *OUTPUTS)
}


@cache
def origins(column: str) -> frozenset[str]:
    """Everything that a column (table.column) is made from, directly or through other outputs."""
    direct = _BY_NAME[column].sources if column in _BY_NAME else ()
    return frozenset(direct).union(*map(origins, direct))


def critical(table: str, name: str) -> Critical:
    """One watched column."""
    return _BY_NAME[f"{table}.{name}"]
