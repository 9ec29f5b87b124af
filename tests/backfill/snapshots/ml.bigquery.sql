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
), games_rows AS (
  SELECT
    *,
    MIN(game_date) OVER same_game < MAX(game_date) OVER same_game AS moved
  FROM nba_analytics.player_game_summary
  WHERE
    game_date >= @season_start
    AND game_date < DATE_ADD(@season_start, INTERVAL '1' YEAR)
  WINDOW same_game AS (PARTITION BY player_lookup, game_id)
), games_moves AS (
  SELECT DISTINCT
    player_lookup,
    game_date
  FROM games_rows
  WHERE
    moved
), games_epochs AS (
  SELECT
    player_lookup AS epoch_entity,
    game_date AS valid_after,
    LEAD(game_date) OVER (PARTITION BY player_lookup ORDER BY game_date) AS valid_until
  FROM games_moves
  UNION ALL
  SELECT
    player_lookup,
    NULL,
    MIN(game_date)
  FROM games_moves
  GROUP BY
    player_lookup
), games AS (
  SELECT
    *,
    'impossible value in nba_analytics.player_game_summary, game_id ' || game_id || ': ' || CASE
      WHEN minutes_played < 0
      THEN 'minutes_played = ' || FORMAT('%.1f', minutes_played)
      WHEN points < 0
      THEN 'points = ' || CAST(points AS STRING)
      WHEN fg_attempts < 0
      THEN 'fg_attempts = ' || CAST(fg_attempts AS STRING)
      WHEN fg_makes < 0
      THEN 'fg_makes = ' || CAST(fg_makes AS STRING)
      WHEN paint_attempts < 0
      THEN 'paint_attempts = ' || CAST(paint_attempts AS STRING)
      WHEN paint_makes < 0
      THEN 'paint_makes = ' || CAST(paint_makes AS STRING)
      WHEN mid_range_attempts < 0
      THEN 'mid_range_attempts = ' || CAST(mid_range_attempts AS STRING)
      WHEN mid_range_makes < 0
      THEN 'mid_range_makes = ' || CAST(mid_range_makes AS STRING)
      WHEN three_pt_attempts < 0
      THEN 'three_pt_attempts = ' || CAST(three_pt_attempts AS STRING)
      WHEN three_pt_makes < 0
      THEN 'three_pt_makes = ' || CAST(three_pt_makes AS STRING)
      WHEN assisted_fg_makes < 0
      THEN 'assisted_fg_makes = ' || CAST(assisted_fg_makes AS STRING)
      WHEN unassisted_fg_makes < 0
      THEN 'unassisted_fg_makes = ' || CAST(unassisted_fg_makes AS STRING)
      WHEN ft_attempts < 0
      THEN 'ft_attempts = ' || CAST(ft_attempts AS STRING)
      WHEN ft_makes < 0
      THEN 'ft_makes = ' || CAST(ft_makes AS STRING)
      WHEN usage_rate < 0
      THEN 'usage_rate = ' || FORMAT('%.2f', usage_rate)
      WHEN ts_pct < 0
      THEN 'ts_pct = ' || FORMAT('%.3f', ts_pct)
      WHEN minutes_played > 70
      THEN 'minutes_played = ' || FORMAT('%.1f', minutes_played)
      WHEN fg_makes > fg_attempts
      THEN 'fg_makes = ' || CAST(fg_makes AS STRING) || ' > fg_attempts = ' || CAST(fg_attempts AS STRING)
      WHEN paint_makes > paint_attempts
      THEN 'paint_makes = ' || CAST(paint_makes AS STRING) || ' > paint_attempts = ' || CAST(paint_attempts AS STRING)
      WHEN mid_range_makes > mid_range_attempts
      THEN 'mid_range_makes = ' || CAST(mid_range_makes AS STRING) || ' > mid_range_attempts = ' || CAST(mid_range_attempts AS STRING)
      WHEN three_pt_makes > three_pt_attempts
      THEN 'three_pt_makes = ' || CAST(three_pt_makes AS STRING) || ' > three_pt_attempts = ' || CAST(three_pt_attempts AS STRING)
      WHEN ft_makes > ft_attempts
      THEN 'ft_makes = ' || CAST(ft_makes AS STRING) || ' > ft_attempts = ' || CAST(ft_attempts AS STRING)
      WHEN assisted_fg_makes > fg_makes
      THEN 'assisted_fg_makes = ' || CAST(assisted_fg_makes AS STRING) || ' > fg_makes = ' || CAST(fg_makes AS STRING)
      WHEN unassisted_fg_makes > fg_makes
      THEN 'unassisted_fg_makes = ' || CAST(unassisted_fg_makes AS STRING) || ' > fg_makes = ' || CAST(fg_makes AS STRING)
      WHEN usage_rate > 100
      THEN 'usage_rate = ' || FORMAT('%.2f', usage_rate)
    END AS impossible
  FROM games_rows
  LEFT JOIN games_epochs
    ON epoch_entity = player_lookup
  WHERE
    NOT moved OR game_date <= valid_after
  QUALIFY
    ROW_NUMBER() OVER (
      PARTITION BY player_lookup, valid_after, game_id
      ORDER BY processed_at DESC, player_lookup DESC, universal_player_id DESC, player_full_name DESC, game_id DESC, game_date DESC, season_year DESC, team_abbr DESC, opponent_team_abbr DESC, home_game DESC, is_active DESC, minutes_played DESC, points DESC, fg_attempts DESC, fg_makes DESC, paint_attempts DESC, paint_makes DESC, mid_range_attempts DESC, mid_range_makes DESC, three_pt_attempts DESC, three_pt_makes DESC, assisted_fg_makes DESC, unassisted_fg_makes DESC, ft_attempts DESC, ft_makes DESC, usage_rate DESC, ts_pct DESC
    ) = 1
), played AS (
  SELECT
    *
  FROM games
  WHERE
    is_active
    AND (
      IFNULL(minutes_played, 0) > 0
      OR IFNULL(fg_attempts, 0) > 0
      OR IFNULL(points, 0) > 0
    )
), windows AS (
  SELECT
    player_lookup,
    GREATEST(game_date, IFNULL(valid_after, game_date)) AS shown_after,
    LEAST(
      IFNULL(LEAD(game_date) OVER seq, CAST('9999-12-31' AS DATE)),
      IFNULL(valid_until, CAST('9999-12-31' AS DATE))
    ) AS shown_until,
    COUNT(*) OVER season AS n,
    LAST_VALUE(impossible IGNORE NULLS) OVER season AS impossible,
    points AS points_1,
    LAG(points, 1) OVER seq AS points_2,
    LAG(points, 2) OVER seq AS points_3,
    LAG(points, 3) OVER seq AS points_4,
    LAG(points, 4) OVER seq AS points_5,
    SUM(points) OVER last_5 AS points_5_sum,
    COUNT(points) OVER last_5 AS points_5_count,
    SUM(points) OVER last_10 AS points_10_sum,
    COUNT(points) OVER last_10 AS points_10_count,
    SUM(points) OVER season AS points_season_sum,
    COUNT(points) OVER season AS points_season_count,
    SUM(minutes_played) OVER last_10 AS minutes_10_sum,
    COUNT(minutes_played) OVER last_10 AS minutes_10_count,
    SUM(minutes_played) OVER season AS minutes_season_sum,
    COUNT(minutes_played) OVER season AS minutes_season_count,
    CAST(SUM(IF(points IS NULL, NULL, ft_makes)) OVER last_10 AS INT64) AS free_throws,
    CAST(SUM(IF(ft_makes IS NULL, NULL, points)) OVER last_10 AS INT64) AS free_throw_points
  FROM played
  WINDOW seq AS (PARTITION BY player_lookup, valid_after ORDER BY game_date, game_id), season AS (seq ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW), last_5 AS (seq ROWS BETWEEN 4 PRECEDING AND CURRENT ROW), last_10 AS (seq ROWS BETWEEN 9 PRECEDING AND CURRENT ROW), last_15 AS (seq ROWS BETWEEN 14 PRECEDING AND CURRENT ROW), last_20 AS (seq ROWS BETWEEN 19 PRECEDING AND CURRENT ROW)
), profiles AS (
  SELECT
    player_lookup,
    shown_after,
    shown_until,
    n,
    impossible,
    IF(n >= 5, SAFE_DIVIDE(CAST(points_5_sum AS NUMERIC), points_5_count), NULL) AS points_mean_5,
    SAFE_DIVIDE(CAST(points_10_sum AS NUMERIC), points_10_count) AS points_mean_10,
    SAFE_DIVIDE(CAST(points_season_sum AS NUMERIC), points_season_count) AS points_mean_season,
    SAFE_DIVIDE(CAST(minutes_10_sum AS NUMERIC), minutes_10_count) AS minutes_mean_10,
    SAFE_DIVIDE(CAST(minutes_season_sum AS NUMERIC), minutes_season_count) AS minutes_mean_season,
    IF(
      n >= 5,
      SAFE_DIVIDE(CAST(points_1 + points_2 + points_3 AS NUMERIC), 3) - SAFE_DIVIDE(CAST(points_4 + points_5 AS NUMERIC), 2),
      NULL
    ) AS trend,
    IF(
      n >= 5,
      LEAST(
        SAFE_DIVIDE(CAST(free_throws AS NUMERIC), free_throw_points),
        CAST('0.5' AS NUMERIC)
      ),
      NULL
    ) AS free_throw_share
  FROM windows
), team_games_rows AS (
  SELECT
    *,
    MIN(game_date) OVER same_game < MAX(game_date) OVER same_game AS moved
  FROM nba_analytics.team_offense_game_summary
  WHERE
    game_date >= @season_start
    AND game_date < DATE_ADD(@season_start, INTERVAL '1' YEAR)
  WINDOW same_game AS (PARTITION BY team_abbr, game_id)
), team_games_moves AS (
  SELECT DISTINCT
    team_abbr,
    game_date
  FROM team_games_rows
  WHERE
    moved
), team_games_epochs AS (
  SELECT
    team_abbr AS epoch_entity,
    game_date AS valid_after,
    LEAD(game_date) OVER (PARTITION BY team_abbr ORDER BY game_date) AS valid_until
  FROM team_games_moves
  UNION ALL
  SELECT
    team_abbr,
    NULL,
    MIN(game_date)
  FROM team_games_moves
  GROUP BY
    team_abbr
), team_games AS (
  SELECT
    *,
    'impossible value in nba_analytics.team_offense_game_summary, game_id ' || game_id || ': ' || CASE
      WHEN points_scored < 0
      THEN 'points_scored = ' || CAST(points_scored AS STRING)
      WHEN pace < 0
      THEN 'pace = ' || FORMAT('%.1f', pace)
      WHEN offensive_rating < 0
      THEN 'offensive_rating = ' || FORMAT('%.2f', offensive_rating)
    END AS impossible
  FROM team_games_rows
  LEFT JOIN team_games_epochs
    ON epoch_entity = team_abbr
  WHERE
    NOT moved OR game_date <= valid_after
  QUALIFY
    ROW_NUMBER() OVER (
      PARTITION BY team_abbr, valid_after, game_id
      ORDER BY processed_at DESC, game_id DESC, game_date DESC, season_year DESC, team_abbr DESC, opponent_team_abbr DESC, home_game DESC, points_scored DESC, pace DESC, offensive_rating DESC, win_flag DESC
    ) = 1
), team_profiles AS (
  SELECT
    team_abbr,
    GREATEST(game_date, IFNULL(valid_after, game_date)) AS shown_after,
    LEAST(
      IFNULL(LEAD(game_date) OVER seq, CAST('9999-12-31' AS DATE)),
      IFNULL(valid_until, CAST('9999-12-31' AS DATE))
    ) AS shown_until,
    COUNT(IF(win_flag, 1, NULL)) OVER season AS wins,
    COUNT(win_flag) OVER season AS decided
  FROM team_games
  WINDOW seq AS (PARTITION BY team_abbr, valid_after ORDER BY game_date, game_id), season AS (seq ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW), last_5 AS (seq ROWS BETWEEN 4 PRECEDING AND CURRENT ROW), last_10 AS (seq ROWS BETWEEN 9 PRECEDING AND CURRENT ROW), last_15 AS (seq ROWS BETWEEN 14 PRECEDING AND CURRENT ROW), last_20 AS (seq ROWS BETWEEN 19 PRECEDING AND CURRENT ROW)
), asked AS (
  SELECT
    d,
    player_lookup AS entity,
    team_abbr AS team
  FROM contexts
), team_schedule AS (
  SELECT
    d,
    team,
    game_id,
    MAX(game_date) AS game_date
  FROM UNNEST(@dates) AS d
  JOIN nba_reference.nba_schedule
    ON game_date >= @season_start AND game_date < d
  CROSS JOIN UNNEST([home_team_abbr, away_team_abbr]) AS team
  WHERE
    NOT @backfill_mode
    AND DATE_DIFF(d, @season_start, DAY) >= 30
    AND game_status = 3
    AND season_type IN ('regular', 'playoffs')
  GROUP BY
    d,
    team,
    game_id
), recent_schedule AS (
  SELECT
    d,
    team,
    COUNT(*) AS expected,
    MIN(game_date) AS first_date
  FROM (
    SELECT
      *
    FROM team_schedule
    WHERE
      TRUE
    QUALIFY
      ROW_NUMBER() OVER (PARTITION BY d, team ORDER BY game_date DESC, game_id DESC) <= 10
  )
  GROUP BY
    d,
    team
), recent_games AS (
  SELECT
    a.d,
    a.entity,
    r.expected,
    LEAST(r.expected, COUNT(g.game_id)) AS found
  FROM asked AS a
  JOIN recent_schedule AS r
    ON r.d = a.d AND r.team = a.team
  LEFT JOIN played AS g
    ON g.player_lookup = a.entity
    AND g.game_date >= r.first_date
    AND g.game_date < a.d
    AND (
      g.valid_after IS NULL OR g.valid_after < a.d
    )
    AND (
      g.valid_until IS NULL OR g.valid_until >= a.d
    )
  GROUP BY
    a.d,
    a.entity,
    r.expected
), incomplete AS (
  SELECT
    d AS incomplete_date,
    entity AS incomplete_entity,
    CAST(found AS STRING) || ' of ' || CAST(expected AS STRING) || ' recent team games found, 90 % required' AS incomplete_reason
  FROM recent_games
  WHERE
    found * 10 < expected * 9
), logged AS (
  SELECT
    entity_id,
    analysis_date,
    MAX(IF(processor_name = 'PlayerShotZoneAnalysisProcessor', failure_category, NULL)) AS PSZA_failure,
    MAX(IF(processor_name = 'PlayerCompositeFactorsProcessor', failure_category, NULL)) AS PCF_failure,
    MAX(IF(processor_name = 'PlayerDailyCacheProcessor', failure_category, NULL)) AS PDC_failure
  FROM nba_processing.precompute_failures
  JOIN UNNEST(@dates) AS d
    ON analysis_date = d
  GROUP BY
    entity_id,
    analysis_date
), matched AS (
  SELECT
    x.player_lookup,
    x.universal_player_id,
    x.game_id,
    x.opponent_team_abbr,
    x.home_game,
    x.days_rest,
    x.d,
    c.points_avg_last_5 AS phase4_0,
    g.points_mean_5 AS phase3_0,
    c.points_avg_last_10 AS phase4_1,
    g.points_mean_10 AS phase3_1,
    c.points_avg_season AS phase4_2,
    g.points_mean_season AS phase3_2,
    c.points_std_last_10 AS phase4_3,
    CAST(NULL AS NUMERIC) AS phase3_3,
    c.games_in_last_7_days AS phase4_4,
    CAST(NULL AS NUMERIC) AS phase3_4,
    f.fatigue_score AS phase4_5,
    CAST(NULL AS NUMERIC) AS phase3_5,
    f.shot_zone_mismatch_score AS phase4_6,
    CAST(NULL AS NUMERIC) AS phase3_6,
    f.pace_score AS phase4_7,
    CAST(NULL AS NUMERIC) AS phase3_7,
    f.usage_spike_score AS phase4_8,
    CAST(NULL AS NUMERIC) AS phase3_8,
    z.defensive_rating_last_15 AS phase4_13,
    CAST(NULL AS NUMERIC) AS phase3_13,
    z.opponent_pace AS phase4_14,
    CAST(NULL AS NUMERIC) AS phase3_14,
    SAFE_DIVIDE(CAST(s.paint_rate_last_10 AS NUMERIC), 100) AS phase4_18,
    CAST(NULL AS NUMERIC) AS phase3_18,
    SAFE_DIVIDE(CAST(s.mid_range_rate_last_10 AS NUMERIC), 100) AS phase4_19,
    CAST(NULL AS NUMERIC) AS phase3_19,
    SAFE_DIVIDE(CAST(s.three_pt_rate_last_10 AS NUMERIC), 100) AS phase4_20,
    CAST(NULL AS NUMERIC) AS phase3_20,
    c.team_pace_last_10 AS phase4_22,
    CAST(NULL AS NUMERIC) AS phase3_22,
    c.team_off_rating_last_10 AS phase4_23,
    CAST(NULL AS NUMERIC) AS phase3_23,
    IFNULL(LEAST(GREATEST(x.days_rest - x.opponent_days_rest, -2), 2), 0) AS rest_advantage,
    CASE LOWER(x.player_status)
      WHEN 'probable'
      THEN 1
      WHEN 'questionable'
      THEN 2
      WHEN 'doubtful'
      THEN 3
      WHEN 'out'
      THEN 3
      ELSE 0
    END AS injury_risk,
    CASE
      WHEN g.trend >= 5
      THEN 2
      WHEN g.trend >= 2
      THEN 1
      WHEN g.trend <= -5
      THEN -2
      WHEN g.trend <= -2
      THEN -1
      ELSE 0
    END AS recent_trend,
    IFNULL(c.minutes_avg_last_10, g.minutes_mean_10) AS recent_minutes,
    g.minutes_mean_season,
    IF(x.home_game, 1, 0) AS home_away,
    IF(x.back_to_back, 1, 0) AS back_to_back,
    IF(LOWER(x.season_phase) = 'playoffs', 1, 0) AS playoff_game,
    IFNULL(g.free_throw_share, CAST('0.15' AS NUMERIC)) AS pct_free_throw,
    IF(
      w.decided >= 5,
      SAFE_DIVIDE(CAST(w.wins AS NUMERIC), w.decided),
      CAST('0.5' AS NUMERIC)
    ) AS team_win_pct,
    COALESCE(x.impossible_context, g.impossible) AS impossible,
    NOT s.player_lookup IS NULL AS has_PSZA,
    l.PSZA_failure,
    NOT f.player_lookup IS NULL AS has_PCF,
    l.PCF_failure,
    NOT c.player_lookup IS NULL AS has_PDC,
    l.PDC_failure,
    c.processed_at AS daily_cache_updated,
    f.processed_at AS composite_updated,
    s.processed_at AS shot_zones_updated,
    z.processed_at AS team_defense_updated,
    i.incomplete_reason
  FROM contexts AS x
  LEFT JOIN profiles AS g
    ON g.player_lookup = x.player_lookup AND x.d > g.shown_after AND x.d <= g.shown_until
  LEFT JOIN team_profiles AS w
    ON w.team_abbr = x.team_abbr AND x.d > w.shown_after AND x.d <= w.shown_until
  LEFT JOIN nba_precompute.team_defense_zone_analysis AS z
    ON z.team_abbr = x.opponent_team_abbr AND z.analysis_date = x.d
  LEFT JOIN nba_precompute.player_shot_zone_analysis AS s
    ON s.player_lookup = x.player_lookup AND s.analysis_date = x.d
  LEFT JOIN nba_precompute.player_composite_factors AS f
    ON f.player_lookup = x.player_lookup AND f.game_date = x.d
  LEFT JOIN nba_precompute.player_daily_cache AS c
    ON c.player_lookup = x.player_lookup AND c.cache_date = x.d
  LEFT JOIN logged AS l
    ON l.entity_id = x.player_lookup AND l.analysis_date = x.d
  LEFT JOIN incomplete AS i
    ON i.incomplete_date = x.d AND i.incomplete_entity = x.player_lookup
), changes AS (
  SELECT
    *,
    SAFE_DIVIDE(CAST(recent_minutes - minutes_mean_season AS NUMERIC), minutes_mean_season) AS minutes_ratio
  FROM matched
), vectors AS (
  SELECT
    *
    EXCEPT (back_to_back),
    ROUND(CAST(COALESCE(phase4_0, phase3_0, 10.0) AS NUMERIC), 6) AS feature_0,
    ROUND(CAST(COALESCE(phase4_1, phase3_1, 10.0) AS NUMERIC), 6) AS feature_1,
    ROUND(CAST(COALESCE(phase4_2, phase3_2, 10.0) AS NUMERIC), 6) AS feature_2,
    ROUND(CAST(COALESCE(phase4_3, phase3_3, 5.0) AS NUMERIC), 6) AS feature_3,
    ROUND(CAST(COALESCE(phase4_4, phase3_4, 3.0) AS NUMERIC), 6) AS feature_4,
    ROUND(CAST(COALESCE(phase4_5, phase3_5, 50.0) AS NUMERIC), 6) AS feature_5,
    ROUND(CAST(COALESCE(phase4_6, phase3_6, 0.0) AS NUMERIC), 6) AS feature_6,
    ROUND(CAST(COALESCE(phase4_7, phase3_7, 0.0) AS NUMERIC), 6) AS feature_7,
    ROUND(CAST(COALESCE(phase4_8, phase3_8, 0.0) AS NUMERIC), 6) AS feature_8,
    ROUND(CAST(COALESCE(phase4_13, phase3_13, 112.0) AS NUMERIC), 6) AS feature_13,
    ROUND(CAST(COALESCE(phase4_14, phase3_14, 100.0) AS NUMERIC), 6) AS feature_14,
    ROUND(CAST(COALESCE(phase4_18, phase3_18, 0.30) AS NUMERIC), 6) AS feature_18,
    ROUND(CAST(COALESCE(phase4_19, phase3_19, 0.20) AS NUMERIC), 6) AS feature_19,
    ROUND(CAST(COALESCE(phase4_20, phase3_20, 0.35) AS NUMERIC), 6) AS feature_20,
    ROUND(CAST(COALESCE(phase4_22, phase3_22, 100.0) AS NUMERIC), 6) AS feature_22,
    ROUND(CAST(COALESCE(phase4_23, phase3_23, 112.0) AS NUMERIC), 6) AS feature_23,
    ROUND(CAST(rest_advantage AS NUMERIC), 6) AS feature_9,
    ROUND(CAST(injury_risk AS NUMERIC), 6) AS feature_10,
    ROUND(CAST(recent_trend AS NUMERIC), 6) AS feature_11,
    ROUND(CAST(home_away AS NUMERIC), 6) AS feature_15,
    ROUND(CAST(back_to_back AS NUMERIC), 6) AS feature_16,
    ROUND(CAST(playoff_game AS NUMERIC), 6) AS feature_17,
    ROUND(CAST(pct_free_throw AS NUMERIC), 6) AS feature_21,
    ROUND(CAST(team_win_pct AS NUMERIC), 6) AS feature_24,
    CAST(IF(
      recent_minutes = 0,
      0,
      CASE
        WHEN minutes_ratio >= CAST('0.20' AS NUMERIC)
        THEN 2
        WHEN minutes_ratio >= CAST('0.10' AS NUMERIC)
        THEN 1
        WHEN minutes_ratio <= -CAST('0.20' AS NUMERIC)
        THEN -2
        WHEN minutes_ratio <= -CAST('0.10' AS NUMERIC)
        THEN -1
        ELSE 0
      END
    ) AS NUMERIC) AS feature_12,
    IF(phase4_0 IS NULL, 0, 1) + IF(phase4_1 IS NULL, 0, 1) + IF(phase4_2 IS NULL, 0, 1) + IF(phase4_3 IS NULL, 0, 1) + IF(phase4_4 IS NULL, 0, 1) + IF(phase4_5 IS NULL, 0, 1) + IF(phase4_6 IS NULL, 0, 1) + IF(phase4_7 IS NULL, 0, 1) + IF(phase4_8 IS NULL, 0, 1) + IF(phase4_13 IS NULL, 0, 1) + IF(phase4_14 IS NULL, 0, 1) + IF(phase4_18 IS NULL, 0, 1) + IF(phase4_19 IS NULL, 0, 1) + IF(phase4_20 IS NULL, 0, 1) + IF(phase4_22 IS NULL, 0, 1) + IF(phase4_23 IS NULL, 0, 1) AS from_phase4,
    IF(phase4_0 IS NULL AND NOT phase3_0 IS NULL, 1, 0) + IF(phase4_1 IS NULL AND NOT phase3_1 IS NULL, 1, 0) + IF(phase4_2 IS NULL AND NOT phase3_2 IS NULL, 1, 0) + IF(phase4_3 IS NULL AND NOT phase3_3 IS NULL, 1, 0) + IF(phase4_4 IS NULL AND NOT phase3_4 IS NULL, 1, 0) + IF(phase4_5 IS NULL AND NOT phase3_5 IS NULL, 1, 0) + IF(phase4_6 IS NULL AND NOT phase3_6 IS NULL, 1, 0) + IF(phase4_7 IS NULL AND NOT phase3_7 IS NULL, 1, 0) + IF(phase4_8 IS NULL AND NOT phase3_8 IS NULL, 1, 0) + IF(phase4_13 IS NULL AND NOT phase3_13 IS NULL, 1, 0) + IF(phase4_14 IS NULL AND NOT phase3_14 IS NULL, 1, 0) + IF(phase4_18 IS NULL AND NOT phase3_18 IS NULL, 1, 0) + IF(phase4_19 IS NULL AND NOT phase3_19 IS NULL, 1, 0) + IF(phase4_20 IS NULL AND NOT phase3_20 IS NULL, 1, 0) + IF(phase4_22 IS NULL AND NOT phase3_22 IS NULL, 1, 0) + IF(phase4_23 IS NULL AND NOT phase3_23 IS NULL, 1, 0) AS from_phase3
  FROM changes
), scored AS (
  SELECT
    *,
    ROUND(
      SAFE_DIVIDE(
        CAST(825 + 100 * from_phase4 + 75 * from_phase3 + 40 * (
          16 - from_phase4 - from_phase3
        ) AS NUMERIC),
        25
      ),
      2
    ) AS feature_quality_score,
    CASE
      WHEN NOT impossible IS NULL
      THEN 'PROCESSING_ERROR'
      WHEN NOT (
        has_PSZA AND has_PCF AND has_PDC
      )
      THEN 'MISSING_DEPENDENCY'
      WHEN NOT incomplete_reason IS NULL
      THEN 'INCOMPLETE_DATA'
    END AS failure_category
  FROM vectors
), result AS (
  SELECT
    *,
    d AS game_date,
    [
      CAST(feature_0 AS FLOAT64),
      CAST(feature_1 AS FLOAT64),
      CAST(feature_2 AS FLOAT64),
      CAST(feature_3 AS FLOAT64),
      CAST(feature_4 AS FLOAT64),
      CAST(feature_5 AS FLOAT64),
      CAST(feature_6 AS FLOAT64),
      CAST(feature_7 AS FLOAT64),
      CAST(feature_8 AS FLOAT64),
      CAST(feature_9 AS FLOAT64),
      CAST(feature_10 AS FLOAT64),
      CAST(feature_11 AS FLOAT64),
      CAST(feature_12 AS FLOAT64),
      CAST(feature_13 AS FLOAT64),
      CAST(feature_14 AS FLOAT64),
      CAST(feature_15 AS FLOAT64),
      CAST(feature_16 AS FLOAT64),
      CAST(feature_17 AS FLOAT64),
      CAST(feature_18 AS FLOAT64),
      CAST(feature_19 AS FLOAT64),
      CAST(feature_20 AS FLOAT64),
      CAST(feature_21 AS FLOAT64),
      CAST(feature_22 AS FLOAT64),
      CAST(feature_23 AS FLOAT64),
      CAST(feature_24 AS FLOAT64)
    ] AS features,
    FORMAT('%.6f', feature_0) || ',' || FORMAT('%.6f', feature_1) || ',' || FORMAT('%.6f', feature_2) || ',' || FORMAT('%.6f', feature_3) || ',' || FORMAT('%.6f', feature_4) || ',' || FORMAT('%.6f', feature_5) || ',' || FORMAT('%.6f', feature_6) || ',' || FORMAT('%.6f', feature_7) || ',' || FORMAT('%.6f', feature_8) || ',' || FORMAT('%.6f', feature_9) || ',' || FORMAT('%.6f', feature_10) || ',' || FORMAT('%.6f', feature_11) || ',' || FORMAT('%.6f', feature_12) || ',' || FORMAT('%.6f', feature_13) || ',' || FORMAT('%.6f', feature_14) || ',' || FORMAT('%.6f', feature_15) || ',' || FORMAT('%.6f', feature_16) || ',' || FORMAT('%.6f', feature_17) || ',' || FORMAT('%.6f', feature_18) || ',' || FORMAT('%.6f', feature_19) || ',' || FORMAT('%.6f', feature_20) || ',' || FORMAT('%.6f', feature_21) || ',' || FORMAT('%.6f', feature_22) || ',' || FORMAT('%.6f', feature_23) || ',' || FORMAT('%.6f', feature_24) AS features_text,
    [
      'points_avg_last_5',
      'points_avg_last_10',
      'points_avg_season',
      'points_std_last_10',
      'games_in_last_7_days',
      'fatigue_score',
      'shot_zone_mismatch_score',
      'pace_score',
      'usage_spike_score',
      'rest_advantage',
      'injury_risk',
      'recent_trend',
      'minutes_change',
      'opponent_def_rating',
      'opponent_pace',
      'home_away',
      'back_to_back',
      'playoff_game',
      'pct_paint',
      'pct_mid_range',
      'pct_three',
      'pct_free_throw',
      'team_pace',
      'team_off_rating',
      'team_win_pct'
    ] AS feature_names,
    'points_avg_last_5,points_avg_last_10,points_avg_season,points_std_last_10,games_in_last_7_days,fatigue_score,shot_zone_mismatch_score,pace_score,usage_spike_score,rest_advantage,injury_risk,recent_trend,minutes_change,opponent_def_rating,opponent_pace,home_away,back_to_back,playoff_game,pct_paint,pct_mid_range,pct_three,pct_free_throw,team_pace,team_off_rating,team_win_pct' AS feature_names_text,
    25 AS feature_count,
    'v1_baseline_25' AS feature_version,
    CASE
      WHEN feature_quality_score >= 95
      THEN 'gold'
      WHEN feature_quality_score >= 75
      THEN 'silver'
      WHEN feature_quality_score >= 50
      THEN 'bronze'
      WHEN feature_quality_score >= 25
      THEN 'poor'
      ELSE 'unusable'
    END AS quality_tier,
    home_game AS is_home,
    CASE
      WHEN from_phase4 * 10 >= 225
      THEN 'phase4'
      WHEN from_phase4 * 2 >= 25
      THEN 'phase4_partial'
      WHEN (
        from_phase3 + 3
      ) * 2 >= 25
      THEN 'phase3'
      ELSE 'mixed'
    END AS data_source,
    FALSE AS early_season_flag,
    daily_cache_updated AS source_daily_cache_last_updated,
    IF(daily_cache_updated IS NULL, 0, 1) AS source_daily_cache_rows_found,
    composite_updated AS source_composite_last_updated,
    IF(composite_updated IS NULL, 0, 1) AS source_composite_rows_found,
    shot_zones_updated AS source_shot_zones_last_updated,
    IF(shot_zones_updated IS NULL, 0, 1) AS source_shot_zones_rows_found,
    team_defense_updated AS source_team_defense_last_updated,
    IF(team_defense_updated IS NULL, 0, 1) AS source_team_defense_rows_found,
    CASE failure_category
      WHEN 'PROCESSING_ERROR'
      THEN impossible
      WHEN 'MISSING_DEPENDENCY'
      THEN 'no row for ' || CAST(d AS STRING) || ' in ' || ARRAY_TO_STRING(
        [
          IF(has_PSZA, NULL, 'nba_precompute.player_shot_zone_analysis'),
          IF(has_PCF, NULL, 'nba_precompute.player_composite_factors'),
          IF(has_PDC, NULL, 'nba_precompute.player_daily_cache')
        ],
        ', '
      ) || IFNULL(
        ' (' || NULLIF(
          ARRAY_TO_STRING(
            [
              IF(has_PSZA, NULL, 'PSZA: ' || PSZA_failure),
              IF(has_PCF, NULL, 'PCF: ' || PCF_failure),
              IF(has_PDC, NULL, 'PDC: ' || PDC_failure)
            ],
            '; '
          ),
          ''
        ) || ')',
        ''
      )
      WHEN 'INCOMPLETE_DATA'
      THEN incomplete_reason
    END AS failure_reason
  FROM scored
), framed AS (
  SELECT
    player_lookup,
    universal_player_id,
    game_date,
    game_id,
    features,
    feature_names,
    feature_count,
    feature_version,
    feature_quality_score,
    quality_tier,
    opponent_team_abbr,
    is_home,
    days_rest,
    data_source,
    early_season_flag,
    source_daily_cache_last_updated,
    source_daily_cache_rows_found,
    source_composite_last_updated,
    source_composite_rows_found,
    source_shot_zones_last_updated,
    source_shot_zones_rows_found,
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
            'player_lookup=' || IFNULL(CAST(player_lookup AS STRING), 'NULL') || '|universal_player_id=' || IFNULL(CAST(universal_player_id AS STRING), 'NULL') || '|game_date=' || IFNULL(CAST(game_date AS STRING), 'NULL') || '|game_id=' || IFNULL(CAST(game_id AS STRING), 'NULL') || '|features=' || features_text || '|feature_names=' || feature_names_text || '|feature_count=' || IFNULL(CAST(feature_count AS STRING), 'NULL') || '|feature_version=' || IFNULL(CAST(feature_version AS STRING), 'NULL') || '|feature_quality_score=' || IFNULL(FORMAT('%.2f', feature_quality_score), 'NULL') || '|quality_tier=' || IFNULL(CAST(quality_tier AS STRING), 'NULL') || '|opponent_team_abbr=' || IFNULL(CAST(opponent_team_abbr AS STRING), 'NULL') || '|is_home=' || IFNULL(CAST(is_home AS STRING), 'NULL') || '|days_rest=' || IFNULL(CAST(days_rest AS STRING), 'NULL') || '|data_source=' || IFNULL(CAST(data_source AS STRING), 'NULL') || '|early_season_flag=' || IFNULL(CAST(early_season_flag AS STRING), 'NULL')
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
