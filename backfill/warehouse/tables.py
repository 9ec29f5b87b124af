"""Every table that is read or written, declared once; `!` = never NULL, `H` = part of the data
hash.
"""

from __future__ import annotations

from backfill.warehouse.schema import Kind, Table, parse_columns
from validation.thresholds import COMPOSITE, DAILY_CACHE, FEATURE_STORE, SHOT_ZONES, TEAM_DEFENSE


def _table(
    short: str, kind: Kind, ref: str, partition: str, cluster: str, key: str, columns: str
) -> Table:
    dataset, name = ref.split(".")
    return Table(
        short,
        kind,
        dataset,
        name,
        partition,
        tuple(cluster.split()),
        tuple(key.split()),
        tuple(parse_columns(columns)),
    )


def _output(
    short: str, ref: str, partition: str, cluster: str, sources: str, columns: str
) -> Table:
    """An output: its own columns, then the bookkeeping that closes all five."""
    used = "source_{0}_last_updated TIMESTAMP latest processed_at of the rows used\nsource_{0}_rows_found INT64! rows used\n"
    bookkeeping = "".join(map(used.format, sources.split()))
    closing = "data_hash STRING! 16 hex characters over the hashed columns\ncreated_at,processed_at TIMESTAMP! start of the run"
    entity = columns.split(maxsplit=1)[0].split(",", maxsplit=1)[0]
    return _table(
        short,
        "output",
        ref,
        partition,
        cluster,
        f"{entity} {partition}",
        f"{columns.rstrip()}\n{bookkeeping}{closing}",
    )


PGS = _table(
    "PGS",
    "input",
    "nba_analytics.player_game_summary",
    "game_date",
    "player_lookup team_abbr",
    "player_lookup game_id",
    """
    player_lookup STRING! player key: lower-case name without spaces and signs
    universal_player_id,player_full_name STRING lasting player id; display name
    game_id STRING! game
    game_date DATE! date of the game
    season_year INT64! year in which the season began
    team_abbr,opponent_team_abbr STRING! the player's team; the other one
    home_game BOOL the player's team is at home
    is_active BOOL the player was active; NULL counts as not
    minutes_played NUMERIC(5,1) minutes on court
    points INT64 points scored
    fg_attempts,fg_makes INT64 field goals
    paint_attempts,paint_makes INT64 shots within 8 ft
    mid_range_attempts,mid_range_makes INT64 two-pointers from farther away
    three_pt_attempts,three_pt_makes INT64 three-pointers
    assisted_fg_makes,unassisted_fg_makes INT64 made field goals after a pass; self-created
    ft_attempts,ft_makes INT64 free throws
    usage_rate NUMERIC(5,2) percent of team possessions used while on court
    ts_pct NUMERIC(5,3) true shooting of the game, a fraction
    processed_at TIMESTAMP! when Phase 3 wrote the row
    """,
)

TDGS = _table(
    "TDGS",
    "input",
    "nba_analytics.team_defense_game_summary",
    "game_date",
    "defending_team_abbr",
    "defending_team_abbr game_id",
    """
    game_id STRING! game
    game_date DATE! date of the game
    season_year INT64! year in which the season began
    defending_team_abbr,opponent_team_abbr STRING! the team whose defense this is; the shooting team
    home_game BOOL the defending team is at home
    opp_paint_makes,opp_paint_attempts INT64 opponent's shots within 8 ft
    opp_mid_range_makes,opp_mid_range_attempts INT64 opponent's two-pointers from farther away
    opp_three_pt_makes,opp_three_pt_attempts INT64 opponent's three-pointers
    points_in_paint_allowed INT64 opponent's points in the paint
    blocks_paint,blocks_mid_range,blocks_three_pt INT64 blocks by the defending team
    points_allowed INT64 opponent's points
    defensive_rating NUMERIC(6,2) points allowed per 100 possessions
    opponent_pace NUMERIC(5,1) possessions of the game
    processed_at TIMESTAMP! when Phase 3 wrote the row
    """,
)

TOGS = _table(
    "TOGS",
    "input",
    "nba_analytics.team_offense_game_summary",
    "game_date",
    "team_abbr",
    "team_abbr game_id",
    """
    game_id STRING! game
    game_date DATE! date of the game
    season_year INT64! year in which the season began
    team_abbr,opponent_team_abbr STRING! team; opponent
    home_game BOOL the team is at home
    points_scored INT64 points of the team
    pace NUMERIC(5,1) possessions per 48 minutes
    offensive_rating NUMERIC(6,2) points scored per 100 possessions
    win_flag BOOL the team won; NULL = result unknown
    processed_at TIMESTAMP! when Phase 3 wrote the row
    """,
)

UPGC = _table(
    "UPGC",
    "input",
    "nba_analytics.upcoming_player_game_context",
    "game_date",
    "player_lookup team_abbr",
    "player_lookup game_date",
    """
    player_lookup STRING! player key
    universal_player_id STRING lasting player id
    game_id STRING! game
    game_date DATE! date of the game
    team_abbr,opponent_team_abbr STRING! the player's team and opponent on that date
    home_game BOOL the player's team is at home
    days_rest INT64 days since his previous game, 1 = yesterday
    back_to_back BOOL he played yesterday
    games_in_last_7_days,games_in_last_14_days INT64 games in the window before the date
    back_to_backs_last_14_days INT64 second games on consecutive days in the window
    minutes_in_last_7_days,minutes_in_last_14_days INT64 minutes in the window
    avg_minutes_per_game_last_7 NUMERIC(5,1) mean minutes per game in 7 days
    fourth_quarter_minutes_last_7 INT64 fourth-quarter minutes in 7 days
    player_age INT64 years on the date
    projected_usage_rate,avg_usage_rate_last_7_games NUMERIC(5,2) percent: expected usage; mean of his last 7 games
    star_teammates_out INT64 leading teammates who will not play
    pace_differential,opponent_pace_last_10 NUMERIC(5,1) possessions: expected pace minus the team's own; opponent's pace
    opponent_days_rest INT64 days since the opponent's previous game
    player_status,season_phase STRING injury status; regular or playoffs
    processed_at TIMESTAMP! when Phase 3 wrote the row
    """,
)

UTGC = _table(
    "UTGC",
    "input",
    "nba_analytics.upcoming_team_game_context",
    "game_date",
    "team_abbr",
    "team_abbr game_date",
    """
    game_id STRING! game
    game_date DATE! date of the game
    team_abbr,opponent_team_abbr STRING! team; opponent
    home_game BOOL the team is at home
    game_total,game_spread NUMERIC(5,1) points: betting total and spread
    processed_at TIMESTAMP! when Phase 3 wrote the row
    """,
)

SCHED = _table(
    "SCHED",
    "input",
    "nba_reference.nba_schedule",
    "game_date",
    "season_year game_status",
    "game_id",
    """
    game_id STRING! game
    game_date DATE! date of the game
    season_year INT64! year in which the season began
    home_team_abbr,away_team_abbr STRING! the two teams
    game_status INT64! 3 = final
    season_type STRING! regular, playoffs; any other label opens no processing date
    """,
)

TDZA = _output(
    "TDZA",
    "nba_precompute.team_defense_zone_analysis",
    "analysis_date",
    "team_abbr analysis_date",
    "team_defense",
    f"""
    team_abbr STRING! H defending team
    analysis_date DATE! H date analysed
    paint_pct_allowed_last_15 NUMERIC(5,3) H opponents' accuracy, a fraction
    paint_attempts_allowed_per_game,paint_points_allowed_per_game NUMERIC(5,1) H shots; points, per game
    paint_blocks_per_game NUMERIC(4,1) H blocks per game
    paint_defense_vs_league_avg NUMERIC(5,2) H percentage points above the league, positive = worse
    mid_range_pct_allowed_last_15 NUMERIC(5,3) H opponents' accuracy, a fraction
    mid_range_attempts_allowed_per_game NUMERIC(5,1) H shots per game
    mid_range_blocks_per_game NUMERIC(4,1) H blocks per game
    mid_range_defense_vs_league_avg NUMERIC(5,2) H percentage points above the league, positive = worse
    three_pt_pct_allowed_last_15 NUMERIC(5,3) H opponents' accuracy, a fraction
    three_pt_attempts_allowed_per_game NUMERIC(5,1) H shots per game
    three_pt_blocks_per_game NUMERIC(4,1) H blocks per game
    three_pt_defense_vs_league_avg NUMERIC(5,2) H percentage points above the league, positive = worse
    defensive_rating_last_15 NUMERIC(6,2) H points allowed per 100 possessions
    opponent_points_per_game,opponent_pace NUMERIC(5,1) H points; possessions, means of the games
    games_in_sample INT64! H games in the sample, {TEAM_DEFENSE.sample_games}
    strongest_zone,weakest_zone STRING H paint, mid_range or perimeter
    data_quality_tier STRING! H high
    calculation_notes STRING H empty zones and league-average fallbacks
    early_season_flag BOOL! H always FALSE
    """,
)

PSZA = _output(
    "PSZA",
    "nba_precompute.player_shot_zone_analysis",
    "analysis_date",
    "player_lookup universal_player_id analysis_date",
    "player_game",
    f"""
    player_lookup STRING! H player
    universal_player_id STRING H id of the newest played game
    analysis_date DATE! H date analysed
    paint_rate_last_10,mid_range_rate_last_10,three_pt_rate_last_10 NUMERIC(5,2) H percent of shots in the zone
    total_shots_last_10 INT64 H shots with a zone
    games_in_sample_10 INT64! H games in the sample, {SHOT_ZONES.sample_games}
    sample_quality_10 STRING! H excellent
    paint_pct_last_10,mid_range_pct_last_10,three_pt_pct_last_10 NUMERIC(5,3) H accuracy in the zone, a fraction
    paint_attempts_per_game,mid_range_attempts_per_game,three_pt_attempts_per_game NUMERIC(4,1) H shots per game
    paint_rate_last_20 NUMERIC(5,2) H percent, from {SHOT_ZONES.trend_minimum_games} games on
    paint_pct_last_20 NUMERIC(5,3) H fraction, from {SHOT_ZONES.trend_minimum_games} games on
    games_in_sample_20 INT64! H games, {SHOT_ZONES.sample_games}-{SHOT_ZONES.trend_games}
    sample_quality_20 STRING! H excellent, good or limited
    assisted_rate_last_10,unassisted_rate_last_10 NUMERIC(5,2) H percent of made shots
    primary_scoring_zone STRING H paint, perimeter, mid_range or balanced
    data_quality_tier STRING! H high
    early_season_flag BOOL! H always FALSE
    """,
)

PCF = _output(
    "PCF",
    "nba_precompute.player_composite_factors",
    "game_date",
    "player_lookup universal_player_id game_date",
    "player_context team_context player_shot team_defense",
    f"""
    player_lookup STRING! H player
    universal_player_id STRING H id of the context
    game_id STRING! H game of the context
    game_date,analysis_date DATE! H date analysed
    fatigue_score INT64! H 0-100, 100 = fresh
    shot_zone_mismatch_score NUMERIC(4,1)! H points, within {COMPOSITE.mismatch_limit}
    pace_score,usage_spike_score NUMERIC(3,1)! H points, within {COMPOSITE.pace_limit}
    referee_favorability_score,look_ahead_pressure_score,travel_impact_score,opponent_strength_score NUMERIC(3,1)! H reserved, 0.0
    total_composite_adjustment NUMERIC(5,2)! H points: sum of the factors
    calculation_version STRING! H v1_4factors
    data_completeness_pct NUMERIC(5,2)! H percent of checks passed
    missing_data_fields STRING H failed checks
    has_warnings BOOL! H any warning applies
    warning_details STRING H extreme values
    early_season_flag BOOL! H always FALSE
    fatigue_context_json,shot_zone_context_json,pace_context_json,usage_context_json STRING! inputs and score, as JSON
    """,
)

PDC = _output(
    "PDC",
    "nba_precompute.player_daily_cache",
    "cache_date",
    "player_lookup universal_player_id",
    "player_game team_offense upcoming_context shot_zone",
    f"""
    player_lookup STRING! H player
    universal_player_id STRING H id of the context
    cache_date DATE! H date analysed
    points_avg_last_5,points_avg_last_10,points_avg_season NUMERIC(5,1) H mean points
    points_std_last_10 NUMERIC(5,2) H sample standard deviation of points
    minutes_avg_last_10 NUMERIC(5,1) H mean minutes
    usage_rate_last_10 NUMERIC(5,2) H percent, mean
    ts_pct_last_10 NUMERIC(5,3) H fraction, mean
    games_played_season INT64! H played games before the date
    team_pace_last_10 NUMERIC(5,1) H possessions per 48 minutes, mean
    team_off_rating_last_10 NUMERIC(6,2) H points per 100 possessions, mean
    player_usage_rate_season NUMERIC(5,2) H percent, mean
    games_in_last_7_days,games_in_last_14_days INT64 H games, from the context
    minutes_in_last_7_days,minutes_in_last_14_days INT64 H minutes, from the context
    back_to_backs_last_14_days INT64 H count, from the context
    avg_minutes_per_game_last_7 NUMERIC(5,1) H minutes, from the context
    fourth_quarter_minutes_last_7 INT64 H minutes, from the context
    primary_scoring_zone STRING H from PSZA
    paint_rate_last_10,three_pt_rate_last_10 NUMERIC(5,2) H percent, from PSZA
    assisted_rate_last_10 NUMERIC(5,2) H fraction of made shots that were assisted
    player_age INT64 H years, from the context
    early_season_flag BOOL! H fewer than {DAILY_CACHE.early_games} games
    insufficient_data_reason STRING H text when flagged
    shot_zone_data_available BOOL! H always TRUE
    cache_version STRING! H v1
    """,
)

ML = _output(
    "ML",
    "nba_predictions.ml_feature_store_v2",
    "game_date",
    "player_lookup feature_version game_date",
    "daily_cache composite shot_zones team_defense",
    f"""
    player_lookup STRING! H player
    universal_player_id STRING H id of the context
    game_date DATE! H date analysed
    game_id STRING! H game of the context
    features ARRAY<FLOAT64>! H {FEATURE_STORE.features} values
    feature_names ARRAY<STRING>! H their names
    feature_count INT64! H {FEATURE_STORE.features}
    feature_version STRING! H {FEATURE_STORE.version}
    feature_quality_score NUMERIC(5,2)! H 68.20-97.00, mean weight of the features
    quality_tier STRING! H gold, silver or bronze
    opponent_team_abbr STRING! H opponent
    is_home BOOL H the player's team is at home
    days_rest INT64 H days since his previous game
    data_source STRING! H phase4_partial or mixed
    early_season_flag BOOL! H always FALSE
    """,
)

FAILURES = _table(
    "FAILURES",
    "log",
    "nba_processing.precompute_failures",
    "analysis_date",
    "processor_name failure_category can_retry",
    "processor_name analysis_date entity_id",
    """
    processor_name STRING! one of the five
    run_id STRING! run that wrote the row
    analysis_date DATE! date analysed
    entity_id STRING! team, player, or DATE_LEVEL
    failure_category STRING! one of the closed list
    failure_reason STRING! facts, at most 1000 characters
    can_retry BOOL! whether doing it again may help
    created_at TIMESTAMP! start of the run
    """,
)

HISTORY = _table(
    "HISTORY",
    "log",
    "nba_reference.processor_run_history",
    "data_date",
    "processor_name status",
    "processor_name data_date run_id",
    """
    processor_name,run_id STRING! processor; 8 hex characters, new for each run
    job_id STRING shared by all runs of one job, NULL for a single run
    phase STRING! phase_4_precompute for the five
    data_date DATE! date analysed
    status STRING! success, skipped or failed
    records_created,records_failed INT64! output rows; failed entities
    duration_seconds NUMERIC(10,3)! wall time; of a statement for many dates, its share
    started_at,processed_at TIMESTAMP! start and end
    backfill_mode BOOL! mode of the run
    triggered_by STRING! backfill, schedule or manual
    output_dataset,output_table STRING! where the rows went
    error STRING failure text, skip reason or warning
    """,
)

INPUTS = (PGS, TDGS, TOGS, UPGC, UTGC, SCHED)
OUTPUTS = (TDZA, PSZA, PCF, PDC, ML)
TABLES = (*INPUTS, *OUTPUTS, FAILURES, HISTORY)
BY_REF = {str(t): t for t in TABLES}
