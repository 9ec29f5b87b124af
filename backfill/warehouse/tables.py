"""Declarations of all input, output and log tables; `!` = never NULL, `H` = part of the data hash."""

from __future__ import annotations

from backfill.warehouse.schema import Kind, Table, parse_columns
from validation.processor_rules import CurrentTuple
from validation.thresholds import COMPOSITE, DAILY_CACHE, FEATURE_STORE, SHOT_ZONES, TEAM_DEFENSE


def _table(
    short: str, kind: Kind, ref: str, *, partition: str, cluster: str, key: str, columns: str
) -> Table:
    dataset, name = ref.split(".")
    return Table(
        short=short,
        kind=kind,
        dataset=dataset,
        name=name,
        partition=partition,
        cluster=tuple(cluster.split()),
        key=tuple(key.split()),
        columns=tuple(parse_columns(columns)),
    )


def output_table(
    short: str, ref: str, *, partition: str, cluster: str, sources: str, columns: str
) -> Table:
    """Return an output table: its own columns, then the bookkeeping columns of all outputs."""
    used = "source_{0}_last_updated TIMESTAMP latest processed_at of the rows used\nsource_{0}_rows_found INT64! rows used\n"
    bookkeeping = "".join(map(used.format, sources.split()))
    closing = "data_hash STRING! 16 hex characters over the hashed columns\ncreated_at,processed_at TIMESTAMP! start of the run"
    entity = columns.split(maxsplit=1)[0].split(",", maxsplit=1)[0]
    return _table(
        short,
        "output",
        ref,
        partition=partition,
        cluster=cluster,
        key=f"{entity} {partition}",
        columns=f"{columns.rstrip()}\n{bookkeeping}{closing}",
    )


PGS = _table(
    "PGS",
    "input",
    "nba_analytics.player_game_summary",
    partition="game_date",
    cluster="player_lookup team_abbr",
    key="player_lookup game_id",
    columns="""
    player_lookup STRING! player key: lowercase name without spaces and punctuation
    universal_player_id,player_full_name STRING permanent player id; display name
    game_id STRING! game
    game_date DATE! date of the game
    season_year INT64! first year of the season
    team_abbr,opponent_team_abbr STRING! the player's team; the opponent
    home_game BOOL the player's team is at home
    is_active BOOL the player was active, NULL counts as inactive
    minutes_played NUMERIC(5,1) minutes on court
    points INT64 points scored
    fg_attempts,fg_makes INT64 field goals
    paint_attempts,paint_makes INT64 shots within 8 ft
    mid_range_attempts,mid_range_makes INT64 two-point shots from outside 8 ft
    three_pt_attempts,three_pt_makes INT64 three-point shots
    assisted_fg_makes,unassisted_fg_makes INT64 field goals made after a pass; without a pass
    ft_attempts,ft_makes INT64 free throws
    usage_rate NUMERIC(5,2) percent of team possessions used while on court
    ts_pct NUMERIC(5,3) true shooting percentage of the game, as a fraction
    processed_at TIMESTAMP! time when Phase 3 wrote the row
    """,
)

TDGS = _table(
    "TDGS",
    "input",
    "nba_analytics.team_defense_game_summary",
    partition="game_date",
    cluster="defending_team_abbr",
    key="defending_team_abbr game_id",
    columns="""
    game_id STRING! game
    game_date DATE! date of the game
    season_year INT64! first year of the season
    defending_team_abbr,opponent_team_abbr STRING! defending team; shooting team
    home_game BOOL the defending team is at home
    opp_paint_makes,opp_paint_attempts INT64 opponent's shots within 8 ft
    opp_mid_range_makes,opp_mid_range_attempts INT64 opponent's two-point shots from outside 8 ft
    opp_three_pt_makes,opp_three_pt_attempts INT64 opponent's three-point shots
    points_in_paint_allowed INT64 opponent's points in the paint
    blocks_paint,blocks_mid_range,blocks_three_pt INT64 blocks by the defending team
    points_allowed INT64 opponent's points
    defensive_rating NUMERIC(6,2) points allowed per 100 possessions
    opponent_pace NUMERIC(5,1) possessions of the game
    processed_at TIMESTAMP! time when Phase 3 wrote the row
    """,
)

TOGS = _table(
    "TOGS",
    "input",
    "nba_analytics.team_offense_game_summary",
    partition="game_date",
    cluster="team_abbr",
    key="team_abbr game_id",
    columns="""
    game_id STRING! game
    game_date DATE! date of the game
    season_year INT64! first year of the season
    team_abbr,opponent_team_abbr STRING! team; opponent
    home_game BOOL the team is at home
    points_scored INT64 points of the team
    pace NUMERIC(5,1) possessions per 48 minutes
    offensive_rating NUMERIC(6,2) points scored per 100 possessions
    win_flag BOOL the team won, NULL = result unknown
    processed_at TIMESTAMP! time when Phase 3 wrote the row
    """,
)

UPGC = _table(
    "UPGC",
    "input",
    "nba_analytics.upcoming_player_game_context",
    partition="game_date",
    cluster="player_lookup team_abbr",
    key="player_lookup game_date",
    columns="""
    player_lookup STRING! player key
    universal_player_id STRING permanent player id
    game_id STRING! game
    game_date DATE! date of the game
    team_abbr,opponent_team_abbr STRING! the player's team and opponent on that date
    home_game BOOL the player's team is at home
    days_rest INT64 days since the player's previous game, 1 = yesterday
    back_to_back BOOL the player played yesterday
    games_in_last_7_days,games_in_last_14_days INT64 games in the window before the date
    back_to_backs_last_14_days INT64 second games on consecutive days in the window
    minutes_in_last_7_days,minutes_in_last_14_days INT64 minutes in the window
    avg_minutes_per_game_last_7 NUMERIC(5,1) mean minutes per game in 7 days
    fourth_quarter_minutes_last_7 INT64 fourth-quarter minutes in 7 days
    player_age INT64 years on the date
    projected_usage_rate,avg_usage_rate_last_7_games NUMERIC(5,2) expected usage in percent; mean usage of the player's last 7 games in percent
    star_teammates_out INT64 star teammates who will not play
    pace_differential,opponent_pace_last_10 NUMERIC(5,1) expected minus the team's own pace, possessions; opponent's pace, possessions
    opponent_days_rest INT64 days since the opponent's previous game
    player_status,season_phase STRING injury status; regular or playoffs
    processed_at TIMESTAMP! time when Phase 3 wrote the row
    """,
)

UTGC = _table(
    "UTGC",
    "input",
    "nba_analytics.upcoming_team_game_context",
    partition="game_date",
    cluster="team_abbr",
    key="team_abbr game_date",
    columns="""
    game_id STRING! game
    game_date DATE! date of the game
    team_abbr,opponent_team_abbr STRING! team; opponent
    home_game BOOL the team is at home
    game_total,game_spread NUMERIC(5,1) betting total in points; betting spread in points
    processed_at TIMESTAMP! time when Phase 3 wrote the row
    """,
)

SCHED = _table(
    "SCHED",
    "input",
    "nba_reference.nba_schedule",
    partition="game_date",
    cluster="season_year game_status",
    key="game_id",
    columns="""
    game_id STRING! game
    game_date DATE! date of the game
    season_year INT64! first year of the season
    home_team_abbr,away_team_abbr STRING! home team; away team
    game_status INT64! 1 scheduled, 2 in progress, 3 final, 4 postponed, 5 cancelled
    season_type STRING! regular or playoffs, while cup, play_in, all_star and preseason create no processing dates
    """,
)

TDZA = output_table(
    "TDZA",
    "nba_precompute.team_defense_zone_analysis",
    partition="analysis_date",
    cluster="team_abbr analysis_date",
    sources="team_defense",
    columns=f"""
    team_abbr STRING! H defending team
    analysis_date DATE! H date analyzed
    paint_pct_allowed_last_15 NUMERIC(5,3) H opponents' field goal percentage, as a fraction
    paint_attempts_allowed_per_game,paint_points_allowed_per_game NUMERIC(5,1) H shots per game; points per game
    paint_blocks_per_game NUMERIC(4,1) H blocks per game
    paint_defense_vs_league_avg NUMERIC(5,2) H percentage points above the league average, positive = worse defense
    mid_range_pct_allowed_last_15 NUMERIC(5,3) H opponents' field goal percentage, as a fraction
    mid_range_attempts_allowed_per_game NUMERIC(5,1) H shots per game
    mid_range_blocks_per_game NUMERIC(4,1) H blocks per game
    mid_range_defense_vs_league_avg NUMERIC(5,2) H percentage points above the league average, positive = worse defense
    three_pt_pct_allowed_last_15 NUMERIC(5,3) H opponents' field goal percentage, as a fraction
    three_pt_attempts_allowed_per_game NUMERIC(5,1) H shots per game
    three_pt_blocks_per_game NUMERIC(4,1) H blocks per game
    three_pt_defense_vs_league_avg NUMERIC(5,2) H percentage points above the league average, positive = worse defense
    defensive_rating_last_15 NUMERIC(6,2) H points allowed per 100 possessions
    opponent_points_per_game,opponent_pace NUMERIC(5,1) H mean points per game; mean possessions per game
    games_in_sample INT64! H games in the sample, {TEAM_DEFENSE.sample_games}
    strongest_zone,weakest_zone STRING H paint, mid_range or perimeter
    data_quality_tier STRING! H high
    calculation_notes STRING H empty zones and league-average fallbacks
    early_season_flag BOOL! H always FALSE
    """,
)

PSZA = output_table(
    "PSZA",
    "nba_precompute.player_shot_zone_analysis",
    partition="analysis_date",
    cluster="player_lookup universal_player_id analysis_date",
    sources="player_game",
    columns=f"""
    player_lookup STRING! H player
    universal_player_id STRING H player id in the newest game played
    analysis_date DATE! H date analyzed
    paint_rate_last_10,mid_range_rate_last_10,three_pt_rate_last_10 NUMERIC(5,2) H percent of shots in the zone
    total_shots_last_10 INT64 H shots with a known zone
    games_in_sample_10 INT64! H games in the sample, {SHOT_ZONES.sample_games}
    sample_quality_10 STRING! H excellent
    paint_pct_last_10,mid_range_pct_last_10,three_pt_pct_last_10 NUMERIC(5,3) H field goal percentage in the zone, as a fraction
    paint_attempts_per_game,mid_range_attempts_per_game,three_pt_attempts_per_game NUMERIC(4,1) H shots per game
    paint_rate_last_20 NUMERIC(5,2) H percent, requires {SHOT_ZONES.trend_minimum_games} games
    paint_pct_last_20 NUMERIC(5,3) H fraction, requires {SHOT_ZONES.trend_minimum_games} games
    games_in_sample_20 INT64! H games, {SHOT_ZONES.sample_games}-{SHOT_ZONES.trend_games}
    sample_quality_20 STRING! H excellent, good or limited
    assisted_rate_last_10,unassisted_rate_last_10 NUMERIC(5,2) H percent of made shots
    primary_scoring_zone STRING H paint, perimeter, mid_range or balanced
    data_quality_tier STRING! H high
    early_season_flag BOOL! H always FALSE
    """,
)

PCF = output_table(
    "PCF",
    "nba_precompute.player_composite_factors",
    partition="game_date",
    cluster="player_lookup universal_player_id game_date",
    sources="player_context team_context player_shot team_defense",
    columns=f"""
    player_lookup STRING! H player
    universal_player_id STRING H player id in the context row
    game_id STRING! H game of the context row
    game_date,analysis_date DATE! H date analyzed
    fatigue_score INT64! H 0-100, 100 = fresh
    shot_zone_mismatch_score NUMERIC(4,1)! H points, within {COMPOSITE.mismatch_limit}
    pace_score,usage_spike_score NUMERIC(3,1)! H points, within {COMPOSITE.pace_limit}
    referee_favorability_score,look_ahead_pressure_score,travel_impact_score,opponent_strength_score NUMERIC(3,1)! H reserved, 0.0
    total_composite_adjustment NUMERIC(5,2)! H points: sum of the factors
    calculation_version STRING! H v1_4factors
    data_completeness_pct NUMERIC(5,2)! H percent of checks passed
    missing_data_fields STRING H failed checks
    has_warnings BOOL! H any warning applies
    warning_details STRING H extreme values that caused the warning
    early_season_flag BOOL! H always FALSE
    fatigue_context_json,shot_zone_context_json,pace_context_json,usage_context_json STRING! inputs and score as JSON
    """,
)

PDC = output_table(
    "PDC",
    "nba_precompute.player_daily_cache",
    partition="cache_date",
    cluster="player_lookup universal_player_id",
    sources="player_game team_offense upcoming_context shot_zone",
    columns=f"""
    player_lookup STRING! H player
    universal_player_id STRING H player id in the context row
    cache_date DATE! H date analyzed
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
    insufficient_data_reason STRING H reason for early_season_flag
    shot_zone_data_available BOOL! H always TRUE
    cache_version STRING! H v1
    """,
)

ML = output_table(
    "ML",
    "nba_predictions.ml_feature_store_v2",
    partition="game_date",
    cluster="player_lookup feature_version game_date",
    sources="daily_cache composite shot_zones team_defense",
    columns=f"""
    player_lookup STRING! H player
    universal_player_id STRING H player id in the context row
    game_date DATE! H date analyzed
    game_id STRING! H game of the context row
    features ARRAY<FLOAT64>! H {FEATURE_STORE.features} values
    feature_names ARRAY<STRING>! H names of the features, in the same order
    feature_count INT64! H {FEATURE_STORE.features}
    feature_version STRING! H {FEATURE_STORE.version}
    feature_quality_score NUMERIC(5,2)! H 68.20-97.00, mean weight of the features
    quality_tier STRING! H gold, silver or bronze
    opponent_team_abbr STRING! H opponent
    is_home BOOL H the player's team is at home
    days_rest INT64 H days since the player's previous game
    data_source STRING! H phase4_partial or mixed
    early_season_flag BOOL! H always FALSE
    """,
)

FAILURES = _table(
    "FAILURES",
    "log",
    "nba_processing.precompute_failures",
    partition="analysis_date",
    cluster="processor_name failure_category can_retry",
    key="processor_name analysis_date entity_id",
    columns="""
    processor_name STRING! processor
    run_id STRING! id of the run that wrote the row
    analysis_date DATE! date analyzed
    entity_id STRING! team, player, or DATE_LEVEL
    failure_category STRING! failure category
    failure_reason STRING! facts of the failure, at most 1000 characters
    can_retry BOOL! a retry can succeed
    created_at TIMESTAMP! start of the run
    """,
)

HISTORY = _table(
    "HISTORY",
    "log",
    "nba_reference.processor_run_history",
    partition="data_date",
    cluster="processor_name status",
    key="processor_name data_date run_id",
    columns="""
    processor_name,run_id STRING! processor; 8 hex characters, new for each run
    job_id STRING id of the job, NULL for a single run
    phase STRING! phase_4_precompute for Phase 4 processors
    data_date DATE! date analyzed
    status STRING! success, skipped or failed
    records_created,records_failed INT64! output rows; failed entities
    duration_seconds NUMERIC(10,3)! wall time in seconds, or the share of a statement that computes several dates
    started_at,processed_at TIMESTAMP! start and end
    backfill_mode BOOL! mode of the run
    triggered_by STRING! backfill, schedule or manual
    output_dataset,output_table STRING! output dataset; output table
    error STRING failure message, skip reason or warning
    """,
)

INPUTS = (PGS, TDGS, TOGS, UPGC, UTGC, SCHED)
BY_SHORT = {t.short: t for t in (*INPUTS, TDZA, PSZA, PCF, PDC, ML, FAILURES, HISTORY)}
BY_REF = {str(t): t for t in BY_SHORT.values()}
OUTPUTS = CurrentTuple(lambda: tuple(t for t in BY_SHORT.values() if t.kind == "output"))
TABLES = CurrentTuple(lambda: (*INPUTS, *OUTPUTS, FAILURES, HISTORY))


def add_table(table: Table) -> None:
    """Declare one more output. Raises ValueError for a name that is taken."""
    if table.short in BY_SHORT or str(table) in BY_REF:
        raise ValueError(f"there is a table {table.short} or {table} already")
    BY_SHORT[table.short] = BY_REF[str(table)] = table


def remove_table(table: Table) -> None:
    """Forget an output that was added."""
    del BY_SHORT[table.short], BY_REF[str(table)]
