WITH contexts AS (
  SELECT
    *,
    'impossible value in nba_analytics.upcoming_player_game_context, game_id ' || game_id || ': ' || CASE
      WHEN days_rest < 0
      THEN 'days_rest = ' || CAST(days_rest AS TEXT)
      WHEN games_in_last_7_days < 0
      THEN 'games_in_last_7_days = ' || CAST(games_in_last_7_days AS TEXT)
      WHEN games_in_last_14_days < 0
      THEN 'games_in_last_14_days = ' || CAST(games_in_last_14_days AS TEXT)
      WHEN back_to_backs_last_14_days < 0
      THEN 'back_to_backs_last_14_days = ' || CAST(back_to_backs_last_14_days AS TEXT)
      WHEN minutes_in_last_7_days < 0
      THEN 'minutes_in_last_7_days = ' || CAST(minutes_in_last_7_days AS TEXT)
      WHEN minutes_in_last_14_days < 0
      THEN 'minutes_in_last_14_days = ' || CAST(minutes_in_last_14_days AS TEXT)
      WHEN avg_minutes_per_game_last_7 < 0
      THEN 'avg_minutes_per_game_last_7 = ' || CAST(CAST(avg_minutes_per_game_last_7 AS DECIMAL(18, 1)) AS TEXT)
      WHEN fourth_quarter_minutes_last_7 < 0
      THEN 'fourth_quarter_minutes_last_7 = ' || CAST(fourth_quarter_minutes_last_7 AS TEXT)
      WHEN player_age < 0
      THEN 'player_age = ' || CAST(player_age AS TEXT)
      WHEN star_teammates_out < 0
      THEN 'star_teammates_out = ' || CAST(star_teammates_out AS TEXT)
      WHEN opponent_pace_last_10 < 0
      THEN 'opponent_pace_last_10 = ' || CAST(CAST(opponent_pace_last_10 AS DECIMAL(18, 1)) AS TEXT)
      WHEN opponent_days_rest < 0
      THEN 'opponent_days_rest = ' || CAST(opponent_days_rest AS TEXT)
      WHEN projected_usage_rate < 0
      THEN 'projected_usage_rate = ' || CAST(CAST(projected_usage_rate AS DECIMAL(18, 2)) AS TEXT)
      WHEN projected_usage_rate > 100
      THEN 'projected_usage_rate = ' || CAST(CAST(projected_usage_rate AS DECIMAL(18, 2)) AS TEXT)
      WHEN avg_usage_rate_last_7_games < 0
      THEN 'avg_usage_rate_last_7_games = ' || CAST(CAST(avg_usage_rate_last_7_games AS DECIMAL(18, 2)) AS TEXT)
      WHEN avg_usage_rate_last_7_games > 100
      THEN 'avg_usage_rate_last_7_games = ' || CAST(CAST(avg_usage_rate_last_7_games AS DECIMAL(18, 2)) AS TEXT)
    END AS impossible_context
  FROM nba_analytics.upcoming_player_game_context
  JOIN UNNEST(GETVARIABLE('dates')) AS _t0(d)
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
  JOIN UNNEST(GETVARIABLE('dates')) AS _t1(d)
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
      WHEN COALESCE(back_to_back, FALSE)
      THEN -15
      WHEN COALESCE(days_rest, 1) >= 3
      THEN 5
      ELSE 0
    END - CASE WHEN COALESCE(games_in_last_7_days, 3) >= 4 THEN 10 ELSE 0 END - CASE WHEN COALESCE(minutes_in_last_7_days, 200) > 240 THEN 10 ELSE 0 END - CASE WHEN COALESCE(avg_minutes_per_game_last_7, 30) > 35 THEN 8 ELSE 0 END - CASE
      WHEN COALESCE(back_to_backs_last_14_days, 0) >= 2
      THEN 12
      WHEN back_to_backs_last_14_days = 1
      THEN 5
      ELSE 0
    END - CASE
      WHEN COALESCE(player_age, 25) >= 35
      THEN 10
      WHEN COALESCE(player_age, 25) >= 30
      THEN 5
      ELSE 0
    END AS fatigue,
    CASE
      WHEN has_shots AND has_defense
      THEN CAST(COALESCE(zone_vs_league, 0) * CASE
        WHEN CASE
          WHEN 50 <> 0
          THEN CAST(COALESCE(zone_rate, 50) AS DECIMAL(38, 9)) / 50
          ELSE NULL
        END IS NULL
        OR 1 IS NULL
        THEN NULL
        ELSE LEAST(
          CASE
            WHEN 50 <> 0
            THEN CAST(COALESCE(zone_rate, 50) AS DECIMAL(38, 9)) / 50
            ELSE NULL
          END,
          1
        )
      END AS DECIMAL(38, 9))
      ELSE 0
    END AS matchup,
    CASE
      WHEN avg_usage_rate_last_7_games <> 0
      THEN CAST('0.3' AS DECIMAL(38, 9)) * (
        projected_usage_rate - avg_usage_rate_last_7_games
      )
      ELSE NULL
    END AS spike
  FROM matched
), scores AS (
  SELECT
    *,
    CASE
      WHEN CASE WHEN fatigue IS NULL OR 0 IS NULL THEN NULL ELSE GREATEST(fatigue, 0) END IS NULL
      OR 100 IS NULL
      THEN NULL
      ELSE LEAST(
        CASE WHEN fatigue IS NULL OR 0 IS NULL THEN NULL ELSE GREATEST(fatigue, 0) END,
        100
      )
    END AS fatigue_score,
    CASE
      WHEN CASE
        WHEN CAST(CASE
          WHEN ABS(matchup) > 5
          THEN matchup * CAST('1.2' AS DECIMAL(38, 9))
          ELSE matchup
        END AS DECIMAL(38, 9)) IS NULL
        OR -10 IS NULL
        THEN NULL
        ELSE GREATEST(
          CAST(CASE
            WHEN ABS(matchup) > 5
            THEN matchup * CAST('1.2' AS DECIMAL(38, 9))
            ELSE matchup
          END AS DECIMAL(38, 9)),
          -10
        )
      END IS NULL
      OR 10 IS NULL
      THEN NULL
      ELSE LEAST(
        CASE
          WHEN CAST(CASE
            WHEN ABS(matchup) > 5
            THEN matchup * CAST('1.2' AS DECIMAL(38, 9))
            ELSE matchup
          END AS DECIMAL(38, 9)) IS NULL
          OR -10 IS NULL
          THEN NULL
          ELSE GREATEST(
            CAST(CASE
              WHEN ABS(matchup) > 5
              THEN matchup * CAST('1.2' AS DECIMAL(38, 9))
              ELSE matchup
            END AS DECIMAL(38, 9)),
            -10
          )
        END,
        10
      )
    END AS mismatch,
    CASE
      WHEN CASE
        WHEN COALESCE(
          CASE WHEN 2 <> 0 THEN CAST(pace_differential AS DECIMAL(38, 9)) / 2 ELSE NULL END,
          0
        ) IS NULL
        OR -3 IS NULL
        THEN NULL
        ELSE GREATEST(
          COALESCE(
            CASE WHEN 2 <> 0 THEN CAST(pace_differential AS DECIMAL(38, 9)) / 2 ELSE NULL END,
            0
          ),
          -3
        )
      END IS NULL
      OR 3 IS NULL
      THEN NULL
      ELSE LEAST(
        CASE
          WHEN COALESCE(
            CASE WHEN 2 <> 0 THEN CAST(pace_differential AS DECIMAL(38, 9)) / 2 ELSE NULL END,
            0
          ) IS NULL
          OR -3 IS NULL
          THEN NULL
          ELSE GREATEST(
            COALESCE(
              CASE WHEN 2 <> 0 THEN CAST(pace_differential AS DECIMAL(38, 9)) / 2 ELSE NULL END,
              0
            ),
            -3
          )
        END,
        3
      )
    END AS pace,
    CASE
      WHEN CASE
        WHEN CAST(COALESCE(spike, 0) * CASE
          WHEN spike <= 0
          THEN CAST('1' AS DECIMAL(38, 9))
          WHEN COALESCE(star_teammates_out, 0) >= 2
          THEN CAST('1.30' AS DECIMAL(38, 9))
          WHEN star_teammates_out = 1
          THEN CAST('1.15' AS DECIMAL(38, 9))
          ELSE CAST('1' AS DECIMAL(38, 9))
        END AS DECIMAL(38, 9)) IS NULL
        OR -3 IS NULL
        THEN NULL
        ELSE GREATEST(
          CAST(COALESCE(spike, 0) * CASE
            WHEN spike <= 0
            THEN CAST('1' AS DECIMAL(38, 9))
            WHEN COALESCE(star_teammates_out, 0) >= 2
            THEN CAST('1.30' AS DECIMAL(38, 9))
            WHEN star_teammates_out = 1
            THEN CAST('1.15' AS DECIMAL(38, 9))
            ELSE CAST('1' AS DECIMAL(38, 9))
          END AS DECIMAL(38, 9)),
          -3
        )
      END IS NULL
      OR 3 IS NULL
      THEN NULL
      ELSE LEAST(
        CASE
          WHEN CAST(COALESCE(spike, 0) * CASE
            WHEN spike <= 0
            THEN CAST('1' AS DECIMAL(38, 9))
            WHEN COALESCE(star_teammates_out, 0) >= 2
            THEN CAST('1.30' AS DECIMAL(38, 9))
            WHEN star_teammates_out = 1
            THEN CAST('1.15' AS DECIMAL(38, 9))
            ELSE CAST('1' AS DECIMAL(38, 9))
          END AS DECIMAL(38, 9)) IS NULL
          OR -3 IS NULL
          THEN NULL
          ELSE GREATEST(
            CAST(COALESCE(spike, 0) * CASE
              WHEN spike <= 0
              THEN CAST('1' AS DECIMAL(38, 9))
              WHEN COALESCE(star_teammates_out, 0) >= 2
              THEN CAST('1.30' AS DECIMAL(38, 9))
              WHEN star_teammates_out = 1
              THEN CAST('1.15' AS DECIMAL(38, 9))
              ELSE CAST('1' AS DECIMAL(38, 9))
            END AS DECIMAL(38, 9)),
            -3
          )
        END,
        3
      )
    END AS usage
  FROM parts
), totals AS (
  SELECT
    *,
    CASE
      WHEN 20 <> 0
      THEN CAST(fatigue_score - 100 AS DECIMAL(38, 9)) / 20
      ELSE NULL
    END + mismatch + pace + usage AS total,
    ROUND(mismatch, 1) AS shot_zone_mismatch_score,
    ROUND(pace, 1) AS pace_score,
    ROUND(usage, 1) AS usage_spike_score
  FROM scores
), result AS (
  SELECT
    *,
    d AS analysis_date,
    CAST('0.0' AS DECIMAL(38, 9)) AS referee_favorability_score,
    CAST('0.0' AS DECIMAL(38, 9)) AS look_ahead_pressure_score,
    CAST('0.0' AS DECIMAL(38, 9)) AS travel_impact_score,
    CAST('0.0' AS DECIMAL(38, 9)) AS opponent_strength_score,
    CAST(CAST(total AS DECIMAL(38, 9)) AS DECIMAL(18, 2)) AS total_composite_adjustment,
    'v1_4factors' AS calculation_version,
    CAST(20 * (
      CASE WHEN days_rest IS NULL THEN 0 ELSE 1 END + CASE WHEN projected_usage_rate IS NULL THEN 0 ELSE 1 END + CASE WHEN pace_differential IS NULL THEN 0 ELSE 1 END + CASE WHEN has_shots THEN 1 ELSE 0 END + CASE WHEN has_defense THEN 1 ELSE 0 END
    ) AS DECIMAL(38, 9)) AS data_completeness_pct,
    NULLIF(
      ARRAY_TO_STRING(
        [
          CASE WHEN days_rest IS NULL THEN 'days_rest' ELSE NULL END,
          CASE WHEN projected_usage_rate IS NULL THEN 'projected_usage_rate' ELSE NULL END,
          CASE WHEN pace_differential IS NULL THEN 'pace_differential' ELSE NULL END,
          CASE WHEN has_shots THEN NULL ELSE 'player_shot_zone' END,
          CASE WHEN has_defense THEN NULL ELSE 'team_defense_zone' END
        ],
        ', '
      ),
      ''
    ) AS missing_data_fields,
    fatigue_score < 50 OR ABS(mismatch) > 8 OR ABS(total) > 12 AS has_warnings,
    NULLIF(
      ARRAY_TO_STRING(
        [
          CASE WHEN fatigue_score < 50 THEN 'EXTREME_FATIGUE' ELSE NULL END,
          CASE WHEN ABS(mismatch) > 8 THEN 'EXTREME_MATCHUP' ELSE NULL END,
          CASE WHEN ABS(total) > 12 THEN 'EXTREME_ADJUSTMENT' ELSE NULL END
        ],
        '; '
      ),
      ''
    ) AS warning_details,
    FALSE AS early_season_flag,
    CAST(TO_JSON(
      {'days_rest': days_rest, 'back_to_back': back_to_back, 'games_in_last_7_days': games_in_last_7_days, 'minutes_in_last_7_days': minutes_in_last_7_days, 'avg_minutes_per_game_last_7': CAST(avg_minutes_per_game_last_7 AS DOUBLE), 'back_to_backs_last_14_days': back_to_backs_last_14_days, 'player_age': player_age, 'fatigue_score': fatigue_score}
    ) AS TEXT) AS fatigue_context_json,
    CAST(TO_JSON(
      {'primary_scoring_zone': primary_scoring_zone, 'zone_used': zone_used, 'player_zone_rate': CAST(zone_rate AS DOUBLE), 'opponent_zone_vs_league': CAST(zone_vs_league AS DOUBLE), 'opponent_weakest_zone': opponent_weakest_zone, 'shot_zone_mismatch_score': CAST(shot_zone_mismatch_score AS DOUBLE)}
    ) AS TEXT) AS shot_zone_context_json,
    CAST(TO_JSON(
      {'pace_differential': CAST(pace_differential AS DOUBLE), 'opponent_pace_last_10': CAST(opponent_pace_last_10 AS DOUBLE), 'pace_score': CAST(pace_score AS DOUBLE)}
    ) AS TEXT) AS pace_context_json,
    CAST(TO_JSON(
      {'projected_usage_rate': CAST(projected_usage_rate AS DOUBLE), 'avg_usage_rate_last_7_games': CAST(avg_usage_rate_last_7_games AS DOUBLE), 'star_teammates_out': star_teammates_out, 'usage_spike_score': CAST(usage_spike_score AS DOUBLE)}
    ) AS TEXT) AS usage_context_json,
    processed_at AS source_player_context_last_updated,
    CASE WHEN processed_at IS NULL THEN 0 ELSE 1 END AS source_player_context_rows_found,
    team_updated AS source_team_context_last_updated,
    CASE WHEN team_updated IS NULL THEN 0 ELSE 1 END AS source_team_context_rows_found,
    shots_updated AS source_player_shot_last_updated,
    CASE WHEN shots_updated IS NULL THEN 0 ELSE 1 END AS source_player_shot_rows_found,
    defense_updated AS source_team_defense_last_updated,
    CASE WHEN defense_updated IS NULL THEN 0 ELSE 1 END AS source_team_defense_rows_found,
    CASE WHEN impossible_context IS NULL THEN NULL ELSE 'PROCESSING_ERROR' END AS failure_category,
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
    SUBSTRING(failure_reason, 1, 1000) AS failure_reason,
    failure_category IN ('INSUFFICIENT_DATA', 'MISSING_DEPENDENCY', 'INCOMPLETE_DATA') AS can_retry,
    CASE
      WHEN failure_category IS NULL
      THEN SUBSTRING(
        SHA256(
          'player_lookup=' || COALESCE(CAST(player_lookup AS TEXT), 'NULL') || '|universal_player_id=' || COALESCE(CAST(universal_player_id AS TEXT), 'NULL') || '|game_id=' || COALESCE(CAST(game_id AS TEXT), 'NULL') || '|game_date=' || COALESCE(CAST(game_date AS TEXT), 'NULL') || '|analysis_date=' || COALESCE(CAST(analysis_date AS TEXT), 'NULL') || '|fatigue_score=' || COALESCE(CAST(fatigue_score AS TEXT), 'NULL') || '|shot_zone_mismatch_score=' || COALESCE(CAST(CAST(shot_zone_mismatch_score AS DECIMAL(18, 1)) AS TEXT), 'NULL') || '|pace_score=' || COALESCE(CAST(CAST(pace_score AS DECIMAL(18, 1)) AS TEXT), 'NULL') || '|usage_spike_score=' || COALESCE(CAST(CAST(usage_spike_score AS DECIMAL(18, 1)) AS TEXT), 'NULL') || '|referee_favorability_score=' || COALESCE(CAST(CAST(referee_favorability_score AS DECIMAL(18, 1)) AS TEXT), 'NULL') || '|look_ahead_pressure_score=' || COALESCE(CAST(CAST(look_ahead_pressure_score AS DECIMAL(18, 1)) AS TEXT), 'NULL') || '|travel_impact_score=' || COALESCE(CAST(CAST(travel_impact_score AS DECIMAL(18, 1)) AS TEXT), 'NULL') || '|opponent_strength_score=' || COALESCE(CAST(CAST(opponent_strength_score AS DECIMAL(18, 1)) AS TEXT), 'NULL') || '|total_composite_adjustment=' || COALESCE(CAST(CAST(total_composite_adjustment AS DECIMAL(18, 2)) AS TEXT), 'NULL') || '|calculation_version=' || COALESCE(CAST(calculation_version AS TEXT), 'NULL') || '|data_completeness_pct=' || COALESCE(CAST(CAST(data_completeness_pct AS DECIMAL(18, 2)) AS TEXT), 'NULL') || '|missing_data_fields=' || COALESCE(CAST(missing_data_fields AS TEXT), 'NULL') || '|has_warnings=' || COALESCE(CAST(has_warnings AS TEXT), 'NULL') || '|warning_details=' || COALESCE(CAST(warning_details AS TEXT), 'NULL') || '|early_season_flag=' || COALESCE(CAST(early_season_flag AS TEXT), 'NULL')
        ),
        1,
        16
      )
      ELSE NULL
    END AS data_hash
  FROM result
)
SELECT
  *,
  GETVARIABLE('started_at') AS created_at,
  GETVARIABLE('started_at') AS processed_at
FROM framed
