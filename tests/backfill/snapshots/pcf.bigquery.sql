WITH contexts AS (
  SELECT
    *,
    'impossible value in nba_analytics.upcoming_player_game_context, game_id ' || game_id || ': ' || CASE
      WHEN days_rest < 0
      THEN 'days_rest = ' || CAST(days_rest AS STRING)
      WHEN games_in_last_7_days < 0
      THEN 'games_in_last_7_days = ' || CAST(games_in_last_7_days AS STRING)
      WHEN games_in_last_14_days < 0
      THEN 'games_in_last_14_days = ' || CAST(games_in_last_14_days AS STRING)
      WHEN back_to_backs_last_14_days < 0
      THEN 'back_to_backs_last_14_days = ' || CAST(back_to_backs_last_14_days AS STRING)
      WHEN minutes_in_last_7_days < 0
      THEN 'minutes_in_last_7_days = ' || CAST(minutes_in_last_7_days AS STRING)
      WHEN minutes_in_last_14_days < 0
      THEN 'minutes_in_last_14_days = ' || CAST(minutes_in_last_14_days AS STRING)
      WHEN avg_minutes_per_game_last_7 < 0
      THEN 'avg_minutes_per_game_last_7 = ' || FORMAT('%.1f', avg_minutes_per_game_last_7)
      WHEN fourth_quarter_minutes_last_7 < 0
      THEN 'fourth_quarter_minutes_last_7 = ' || CAST(fourth_quarter_minutes_last_7 AS STRING)
      WHEN player_age < 0
      THEN 'player_age = ' || CAST(player_age AS STRING)
      WHEN star_teammates_out < 0
      THEN 'star_teammates_out = ' || CAST(star_teammates_out AS STRING)
      WHEN opponent_pace_last_10 < 0
      THEN 'opponent_pace_last_10 = ' || FORMAT('%.1f', opponent_pace_last_10)
      WHEN opponent_days_rest < 0
      THEN 'opponent_days_rest = ' || CAST(opponent_days_rest AS STRING)
      WHEN projected_usage_rate < 0
      THEN 'projected_usage_rate = ' || FORMAT('%.2f', projected_usage_rate)
      WHEN projected_usage_rate > 100
      THEN 'projected_usage_rate = ' || FORMAT('%.2f', projected_usage_rate)
      WHEN avg_usage_rate_last_7_games < 0
      THEN 'avg_usage_rate_last_7_games = ' || FORMAT('%.2f', avg_usage_rate_last_7_games)
      WHEN avg_usage_rate_last_7_games > 100
      THEN 'avg_usage_rate_last_7_games = ' || FORMAT('%.2f', avg_usage_rate_last_7_games)
    END AS impossible_context
  FROM nba_analytics.upcoming_player_game_context
  JOIN UNNEST(@dates) AS d
    ON game_date = d
  WHERE
    TRUE
  QUALIFY
    ROW_NUMBER() OVER (
      PARTITION BY player_lookup, d
      ORDER BY processed_at DESC, game_id DESC, processed_at DESC, player_lookup DESC, universal_player_id DESC, game_id DESC, game_date DESC, team_abbr DESC, opponent_team_abbr DESC, home_game DESC, days_rest DESC, back_to_back DESC, games_in_last_7_days DESC, games_in_last_14_days DESC, back_to_backs_last_14_days DESC, minutes_in_last_7_days DESC, minutes_in_last_14_days DESC, avg_minutes_per_game_last_7 DESC, fourth_quarter_minutes_last_7 DESC, player_age DESC, projected_usage_rate DESC, avg_usage_rate_last_7_games DESC, star_teammates_out DESC, pace_differential DESC, opponent_pace_last_10 DESC, opponent_days_rest DESC, player_status DESC, season_phase DESC
    ) = 1
), teams AS (
  SELECT
    team_abbr,
    game_date,
    processed_at
  FROM nba_analytics.upcoming_team_game_context
  JOIN UNNEST(@dates) AS d
    ON game_date = d
  WHERE
    TRUE
  QUALIFY
    ROW_NUMBER() OVER (
      PARTITION BY team_abbr, d
      ORDER BY processed_at DESC, game_id DESC, processed_at DESC, game_id DESC, game_date DESC, team_abbr DESC, opponent_team_abbr DESC, home_game DESC, game_total DESC, game_spread DESC
    ) = 1
), matched AS (
  SELECT
    c.*,
    NOT p.player_lookup IS NULL AS has_shots,
    NOT z.team_abbr IS NULL AS has_defense,
    p.primary_scoring_zone,
    CASE p.primary_scoring_zone
      WHEN 'mid_range'
      THEN 'mid_range'
      WHEN 'perimeter'
      THEN 'perimeter'
      ELSE 'paint'
    END AS zone_used,
    CASE p.primary_scoring_zone
      WHEN 'mid_range'
      THEN p.mid_range_rate_last_10
      WHEN 'perimeter'
      THEN p.three_pt_rate_last_10
      ELSE p.paint_rate_last_10
    END AS zone_rate,
    CASE p.primary_scoring_zone
      WHEN 'mid_range'
      THEN z.mid_range_defense_vs_league_avg
      WHEN 'perimeter'
      THEN z.three_pt_defense_vs_league_avg
      ELSE z.paint_defense_vs_league_avg
    END AS zone_vs_league,
    z.weakest_zone AS opponent_weakest_zone,
    team.processed_at AS team_updated,
    p.processed_at AS shots_updated,
    z.processed_at AS defense_updated
  FROM contexts AS c
  LEFT JOIN nba_precompute.player_shot_zone_analysis AS p
    ON p.player_lookup = c.player_lookup AND p.analysis_date = c.d
  LEFT JOIN nba_precompute.team_defense_zone_analysis AS z
    ON z.team_abbr = c.opponent_team_abbr AND z.analysis_date = c.d
  LEFT JOIN teams AS team
    ON team.team_abbr = c.team_abbr AND team.game_date = c.d
), parts AS (
  SELECT
    *,
    100 + CASE
      WHEN IFNULL(back_to_back, FALSE)
      THEN -15
      WHEN IFNULL(days_rest, 1) >= 3
      THEN 5
      ELSE 0
    END - IF(IFNULL(games_in_last_7_days, 3) >= 4, 10, 0) - IF(IFNULL(minutes_in_last_7_days, 200) > 240, 10, 0) - IF(IFNULL(avg_minutes_per_game_last_7, 30) > 35, 8, 0) - CASE
      WHEN IFNULL(back_to_backs_last_14_days, 0) >= 2
      THEN 12
      WHEN back_to_backs_last_14_days = 1
      THEN 5
      ELSE 0
    END - CASE
      WHEN IFNULL(player_age, 25) >= 35
      THEN 10
      WHEN IFNULL(player_age, 25) >= 30
      THEN 5
      ELSE 0
    END AS fatigue,
    IF(
      has_shots AND has_defense,
      CAST(IFNULL(zone_vs_league, 0) * LEAST(SAFE_DIVIDE(CAST(IFNULL(zone_rate, 50) AS NUMERIC), 50), 1) AS NUMERIC),
      0
    ) AS matchup,
    IF(
      avg_usage_rate_last_7_games <> 0,
      CAST('0.3' AS NUMERIC) * (
        projected_usage_rate - avg_usage_rate_last_7_games
      ),
      NULL
    ) AS spike
  FROM matched
), scores AS (
  SELECT
    *,
    LEAST(GREATEST(fatigue, 0), 100) AS fatigue_score,
    LEAST(
      GREATEST(
        CAST(IF(ABS(matchup) > 5, matchup * CAST('1.2' AS NUMERIC), matchup) AS NUMERIC),
        -10
      ),
      10
    ) AS mismatch,
    LEAST(GREATEST(IFNULL(SAFE_DIVIDE(CAST(pace_differential AS NUMERIC), 2), 0), -3), 3) AS pace,
    LEAST(
      GREATEST(
        CAST(IFNULL(spike, 0) * CASE
          WHEN spike <= 0
          THEN CAST('1' AS NUMERIC)
          WHEN IFNULL(star_teammates_out, 0) >= 2
          THEN CAST('1.30' AS NUMERIC)
          WHEN star_teammates_out = 1
          THEN CAST('1.15' AS NUMERIC)
          ELSE CAST('1' AS NUMERIC)
        END AS NUMERIC),
        -3
      ),
      3
    ) AS usage
  FROM parts
), totals AS (
  SELECT
    *,
    SAFE_DIVIDE(CAST(fatigue_score - 100 AS NUMERIC), 20) + mismatch + pace + usage AS total,
    ROUND(mismatch, 1) AS shot_zone_mismatch_score,
    ROUND(pace, 1) AS pace_score,
    ROUND(usage, 1) AS usage_spike_score
  FROM scores
), result AS (
  SELECT
    *,
    d AS analysis_date,
    CAST('0.0' AS NUMERIC) AS referee_favorability_score,
    CAST('0.0' AS NUMERIC) AS look_ahead_pressure_score,
    CAST('0.0' AS NUMERIC) AS travel_impact_score,
    CAST('0.0' AS NUMERIC) AS opponent_strength_score,
    ROUND(CAST(total AS NUMERIC), 2) AS total_composite_adjustment,
    'v1_4factors' AS calculation_version,
    CAST(20 * (
      IF(days_rest IS NULL, 0, 1) + IF(projected_usage_rate IS NULL, 0, 1) + IF(pace_differential IS NULL, 0, 1) + IF(has_shots, 1, 0) + IF(has_defense, 1, 0)
    ) AS NUMERIC) AS data_completeness_pct,
    NULLIF(
      ARRAY_TO_STRING(
        [
          IF(days_rest IS NULL, 'days_rest', NULL),
          IF(projected_usage_rate IS NULL, 'projected_usage_rate', NULL),
          IF(pace_differential IS NULL, 'pace_differential', NULL),
          IF(has_shots, NULL, 'player_shot_zone'),
          IF(has_defense, NULL, 'team_defense_zone')
        ],
        ', '
      ),
      ''
    ) AS missing_data_fields,
    fatigue_score < 50 OR ABS(mismatch) > 8 OR ABS(total) > 12 AS has_warnings,
    NULLIF(
      ARRAY_TO_STRING(
        [
          IF(fatigue_score < 50, 'EXTREME_FATIGUE', NULL),
          IF(ABS(mismatch) > 8, 'EXTREME_MATCHUP', NULL),
          IF(ABS(total) > 12, 'EXTREME_ADJUSTMENT', NULL)
        ],
        '; '
      ),
      ''
    ) AS warning_details,
    FALSE AS early_season_flag,
    TO_JSON_STRING(
      STRUCT(
        days_rest AS days_rest,
        back_to_back AS back_to_back,
        games_in_last_7_days AS games_in_last_7_days,
        minutes_in_last_7_days AS minutes_in_last_7_days,
        CAST(avg_minutes_per_game_last_7 AS FLOAT64) AS avg_minutes_per_game_last_7,
        back_to_backs_last_14_days AS back_to_backs_last_14_days,
        player_age AS player_age,
        fatigue_score AS fatigue_score
      )
    ) AS fatigue_context_json,
    TO_JSON_STRING(
      STRUCT(
        primary_scoring_zone AS primary_scoring_zone,
        zone_used AS zone_used,
        CAST(zone_rate AS FLOAT64) AS player_zone_rate,
        CAST(zone_vs_league AS FLOAT64) AS opponent_zone_vs_league,
        opponent_weakest_zone AS opponent_weakest_zone,
        CAST(shot_zone_mismatch_score AS FLOAT64) AS shot_zone_mismatch_score
      )
    ) AS shot_zone_context_json,
    TO_JSON_STRING(
      STRUCT(
        CAST(pace_differential AS FLOAT64) AS pace_differential,
        CAST(opponent_pace_last_10 AS FLOAT64) AS opponent_pace_last_10,
        CAST(pace_score AS FLOAT64) AS pace_score
      )
    ) AS pace_context_json,
    TO_JSON_STRING(
      STRUCT(
        CAST(projected_usage_rate AS FLOAT64) AS projected_usage_rate,
        CAST(avg_usage_rate_last_7_games AS FLOAT64) AS avg_usage_rate_last_7_games,
        star_teammates_out AS star_teammates_out,
        CAST(usage_spike_score AS FLOAT64) AS usage_spike_score
      )
    ) AS usage_context_json,
    processed_at AS source_player_context_last_updated,
    IF(processed_at IS NULL, 0, 1) AS source_player_context_rows_found,
    team_updated AS source_team_context_last_updated,
    IF(team_updated IS NULL, 0, 1) AS source_team_context_rows_found,
    shots_updated AS source_player_shot_last_updated,
    IF(shots_updated IS NULL, 0, 1) AS source_player_shot_rows_found,
    defense_updated AS source_team_defense_last_updated,
    IF(defense_updated IS NULL, 0, 1) AS source_team_defense_rows_found,
    IF(impossible_context IS NULL, NULL, 'PROCESSING_ERROR') AS failure_category,
    impossible_context AS failure_reason
  FROM totals
), framed AS (
  SELECT
    player_lookup,
    universal_player_id,
    game_id,
    game_date,
    analysis_date,
    fatigue_score,
    shot_zone_mismatch_score,
    pace_score,
    usage_spike_score,
    referee_favorability_score,
    look_ahead_pressure_score,
    travel_impact_score,
    opponent_strength_score,
    total_composite_adjustment,
    calculation_version,
    data_completeness_pct,
    missing_data_fields,
    has_warnings,
    warning_details,
    early_season_flag,
    fatigue_context_json,
    shot_zone_context_json,
    pace_context_json,
    usage_context_json,
    source_player_context_last_updated,
    source_player_context_rows_found,
    source_team_context_last_updated,
    source_team_context_rows_found,
    source_player_shot_last_updated,
    source_player_shot_rows_found,
    source_team_defense_last_updated,
    source_team_defense_rows_found,
    failure_category,
    SUBSTR(failure_reason, 1, 1000) AS failure_reason,
    failure_category IN ('INSUFFICIENT_DATA', 'MISSING_DEPENDENCY', 'INCOMPLETE_DATA') AS can_retry,
    IF(
      failure_category IS NULL,
      SUBSTR(
        TO_HEX(
          SHA256(
            'player_lookup=' || IFNULL(CAST(player_lookup AS STRING), 'NULL') || '|universal_player_id=' || IFNULL(CAST(universal_player_id AS STRING), 'NULL') || '|game_id=' || IFNULL(CAST(game_id AS STRING), 'NULL') || '|game_date=' || IFNULL(CAST(game_date AS STRING), 'NULL') || '|analysis_date=' || IFNULL(CAST(analysis_date AS STRING), 'NULL') || '|fatigue_score=' || IFNULL(CAST(fatigue_score AS STRING), 'NULL') || '|shot_zone_mismatch_score=' || IFNULL(FORMAT('%.1f', shot_zone_mismatch_score), 'NULL') || '|pace_score=' || IFNULL(FORMAT('%.1f', pace_score), 'NULL') || '|usage_spike_score=' || IFNULL(FORMAT('%.1f', usage_spike_score), 'NULL') || '|referee_favorability_score=' || IFNULL(FORMAT('%.1f', referee_favorability_score), 'NULL') || '|look_ahead_pressure_score=' || IFNULL(FORMAT('%.1f', look_ahead_pressure_score), 'NULL') || '|travel_impact_score=' || IFNULL(FORMAT('%.1f', travel_impact_score), 'NULL') || '|opponent_strength_score=' || IFNULL(FORMAT('%.1f', opponent_strength_score), 'NULL') || '|total_composite_adjustment=' || IFNULL(FORMAT('%.2f', total_composite_adjustment), 'NULL') || '|calculation_version=' || IFNULL(CAST(calculation_version AS STRING), 'NULL') || '|data_completeness_pct=' || IFNULL(FORMAT('%.2f', data_completeness_pct), 'NULL') || '|missing_data_fields=' || IFNULL(CAST(missing_data_fields AS STRING), 'NULL') || '|has_warnings=' || IFNULL(CAST(has_warnings AS STRING), 'NULL') || '|warning_details=' || IFNULL(CAST(warning_details AS STRING), 'NULL') || '|early_season_flag=' || IFNULL(CAST(early_season_flag AS STRING), 'NULL')
          )
        ),
        1,
        16
      ),
      NULL
    ) AS data_hash
  FROM result
)
SELECT
  *,
  @started_at AS created_at,
  @started_at AS processed_at
FROM framed
