"""Numbers of the processors: windows, minimums, limits and defaults, shared by the SQL, the
expectation and the texts.
"""

from __future__ import annotations

from dataclasses import dataclass

Named = tuple[tuple[str, str], ...]  # names, each with a number in SQL notation


@dataclass(frozen=True, kw_only=True)
class TeamDefense:
    """TDZA. A sample below `sample_games` is never published, so all teams are comparable."""

    sample_games: int = 15
    medium_tier_games: int = 10
    # League average of teams with `league_games` in `league_days`, if at least `league_teams` have
    # them; otherwise of the season.
    league_days: int = 30
    league_games: int = 10
    league_teams: int = 10
    league_defaults: Named = (("paint", "0.580"), ("mid_range", "0.410"), ("three_pt", "0.355"))
    most_teams: int = 30  # rows and failures of a date


@dataclass(frozen=True, kw_only=True)
class ShotZones:
    """PSZA. The trend needs `trend_minimum_games` of its `trend_games`, which are also checked for
    impossible values.
    """

    sample_games: int = 10
    good_games: int = 7
    limited_games: int = 5
    trend_games: int = 20
    trend_minimum_games: int = 15
    good_trend_games: int = 14
    paint_zone_percent: int = 40
    perimeter_zone_percent: int = 40
    mid_range_zone_percent: int = 35


@dataclass(frozen=True, kw_only=True)
class CompositeFactors:
    """PCF. Fatigue points with their thresholds, then limits and factors of the other scores."""

    back_to_back_points: int = 15
    rested_days: int = 3
    rested_points: int = 5
    many_games: int = 4  # in 7 days
    many_games_points: int = 10
    many_minutes: int = 240  # in 7 days, exceeded
    many_minutes_points: int = 10
    long_minutes: int = 35  # per game, exceeded
    long_minutes_points: int = 8
    back_to_backs: int = 2  # in 14 days
    back_to_backs_points: int = 12
    one_back_to_back_points: int = 5
    old_age: int = 35
    old_points: int = 10
    mature_age: int = 30
    mature_points: int = 5
    lowest_fatigue: int = 35  # with all points above
    points_per_adjustment: int = 20
    usual_rate_percent: int = 50  # of shots in the zone; the full matchup applies from here
    strong_matchup: int = 5
    strong_matchup_factor: str = "1.2"
    mismatch_limit: int = 10
    pace_divisor: int = 2
    pace_limit: int = 3
    usage_factor: str = "0.3"
    star_out_factor: str = "1.15"
    stars_out: int = 2
    stars_out_factor: str = "1.30"
    usage_limit: int = 3


@dataclass(frozen=True, kw_only=True)
class DailyCache:
    """PDC. Too few games below `required_games`; an early row below `early_games`."""

    required_games: int = 5
    short_games: int = 5
    sample_games: int = 10
    early_games: int = 10
    team_games: int = 10


@dataclass(frozen=True, kw_only=True)
class FeatureStore:
    """ML. `defaults` replace features that neither Phase 4 nor Phase 3 has."""

    features: int = 25
    version: str = "v1_baseline_25"
    short_games: int = 5
    sample_games: int = 10
    trend_games: int = 5
    free_throw_games: int = 5
    team_games: int = 5
    trend_points: tuple[str, str] = ("5", "2")
    minutes_ratios: tuple[str, str] = ("0.20", "0.10")
    rest_limit: int = 2
    free_throw_limit: str = "0.5"
    free_throw_default: str = "0.15"
    win_share_default: str = "0.5"
    phase4_weight: int = 100
    phase3_weight: int = 75
    default_weight: int = 40
    tiers: tuple[tuple[str, int], ...] = (
        ("gold", 95),
        ("silver", 75),
        ("bronze", 50),
        ("poor", 25),
    )
    defaults: Named = (
        ("points_avg_last_5", "10.0"),
        ("points_avg_last_10", "10.0"),
        ("points_avg_season", "10.0"),
        ("points_std_last_10", "5.0"),
        ("games_in_last_7_days", "3.0"),
        ("fatigue_score", "50.0"),
        ("shot_zone_mismatch_score", "0.0"),
        ("pace_score", "0.0"),
        ("usage_spike_score", "0.0"),
        ("opponent_def_rating", "112.0"),
        ("opponent_pace", "100.0"),
        ("pct_paint", "0.30"),
        ("pct_mid_range", "0.20"),
        ("pct_three", "0.35"),
        ("team_pace", "100.0"),
        ("team_off_rating", "112.0"),
    )


@dataclass(frozen=True, kw_only=True)
class Completeness:
    """Normal mode: from day `first_day` of the season, an entity must have `required_tenths` of the
    team's newest `games`.
    """

    first_day: int = 30
    games: int = 10
    required_tenths: int = 9


# Red flags: rate of all failures after a day of the season, rate of too few games from a day on.
HIGH_RATE_SHARE, HIGH_RATE_DAY = 0.30, 42
MID_SEASON_SHARE, MID_SEASON_DAY = 0.20, 60
LOW_COVERAGE_SHARE = 0.90  # of the rows that the games imply
SLOW_SECONDS = 300.0


def tenths_of_percent(fraction: float) -> int:
    """Return a fraction in the precision of texts and comparisons."""
    return round(1000 * fraction)


def percent(fraction: float) -> str:
    """Return a fraction as text, to a tenth of a point: `30 %`."""
    return f"{tenths_of_percent(fraction) / 10:g} %"


TEAM_DEFENSE, SHOT_ZONES, COMPOSITE = TeamDefense(), ShotZones(), CompositeFactors()
DAILY_CACHE, FEATURE_STORE, COMPLETENESS = DailyCache(), FeatureStore(), Completeness()
# Windows of games that the SQL shares, shortest first.
WINDOWS = tuple(
    sorted(
        {
            TEAM_DEFENSE.sample_games,
            SHOT_ZONES.sample_games,
            SHOT_ZONES.trend_games,
            DAILY_CACHE.short_games,
            DAILY_CACHE.sample_games,
            DAILY_CACHE.team_games,
            FEATURE_STORE.short_games,
            FEATURE_STORE.sample_games,
        }
    )
)
