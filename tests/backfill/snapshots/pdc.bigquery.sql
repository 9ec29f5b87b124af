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
    MAX(processed_at) OVER season AS last_updated,
    SUM(points) OVER last_5 AS points_avg_last_5_sum,
    COUNT(points) OVER last_5 AS points_avg_last_5_count,
    SUM(points) OVER last_10 AS points_avg_last_10_sum,
    COUNT(points) OVER last_10 AS points_avg_last_10_count,
    SUM(points) OVER season AS points_avg_season_sum,
    COUNT(points) OVER season AS points_avg_season_count,
    SUM(minutes_played) OVER last_10 AS minutes_avg_last_10_sum,
    COUNT(minutes_played) OVER last_10 AS minutes_avg_last_10_count,
    SUM(usage_rate) OVER last_10 AS usage_rate_last_10_sum,
    COUNT(usage_rate) OVER last_10 AS usage_rate_last_10_count,
    SUM(usage_rate) OVER season AS player_usage_rate_season_sum,
    COUNT(usage_rate) OVER season AS player_usage_rate_season_count,
    SUM(ts_pct) OVER last_10 AS ts_pct_last_10_sum,
    COUNT(ts_pct) OVER last_10 AS ts_pct_last_10_count,
    CAST(SUM(points) OVER last_10 AS INT64) AS points,
    CAST(SUM(points * points) OVER last_10 AS INT64) AS squares,
    COUNT(points) OVER last_10 AS scored,
    CAST(SUM(fg_makes) OVER last_10 AS INT64) AS fg_makes,
    CAST(SUM(IF(fg_makes IS NULL, NULL, assisted_fg_makes)) OVER last_10 AS INT64) AS assisted
  FROM played
  WINDOW seq AS (PARTITION BY player_lookup, valid_after ORDER BY game_date, game_id), season AS (seq ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW), last_5 AS (seq ROWS BETWEEN 4 PRECEDING AND CURRENT ROW), last_10 AS (seq ROWS BETWEEN 9 PRECEDING AND CURRENT ROW), last_15 AS (seq ROWS BETWEEN 14 PRECEDING AND CURRENT ROW), last_20 AS (seq ROWS BETWEEN 19 PRECEDING AND CURRENT ROW)
), profiles AS (
  SELECT
    player_lookup,
    shown_after,
    shown_until,
    n,
    impossible,
    last_updated,
    ROUND(SAFE_DIVIDE(CAST(points_avg_last_5_sum AS NUMERIC), points_avg_last_5_count), 1) AS points_avg_last_5,
    ROUND(SAFE_DIVIDE(CAST(points_avg_last_10_sum AS NUMERIC), points_avg_last_10_count), 1) AS points_avg_last_10,
    ROUND(SAFE_DIVIDE(CAST(points_avg_season_sum AS NUMERIC), points_avg_season_count), 1) AS points_avg_season,
    ROUND(
      SAFE_DIVIDE(CAST(minutes_avg_last_10_sum AS NUMERIC), minutes_avg_last_10_count),
      1
    ) AS minutes_avg_last_10,
    ROUND(SAFE_DIVIDE(CAST(usage_rate_last_10_sum AS NUMERIC), usage_rate_last_10_count), 2) AS usage_rate_last_10,
    ROUND(
      SAFE_DIVIDE(CAST(player_usage_rate_season_sum AS NUMERIC), player_usage_rate_season_count),
      2
    ) AS player_usage_rate_season,
    ROUND(SAFE_DIVIDE(CAST(ts_pct_last_10_sum AS NUMERIC), ts_pct_last_10_count), 3) AS ts_pct_last_10,
    ROUND(
      CAST(SQRT(
        CAST(SAFE_DIVIDE(CAST(scored * squares - points * points AS NUMERIC), scored * (
          scored - 1
        )) AS FLOAT64)
      ) AS NUMERIC),
      2
    ) AS points_std_last_10,
    ROUND(SAFE_DIVIDE(CAST(assisted AS NUMERIC), fg_makes), 2) AS assisted_rate_last_10
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
), team_windows AS (
  SELECT
    team_abbr,
    GREATEST(game_date, IFNULL(valid_after, game_date)) AS shown_after,
    LEAST(
      IFNULL(LEAD(game_date) OVER seq, CAST('9999-12-31' AS DATE)),
      IFNULL(valid_until, CAST('9999-12-31' AS DATE))
    ) AS shown_until,
    COUNT(*) OVER last_10 AS n_10,
    LAST_VALUE(impossible IGNORE NULLS) OVER last_10 AS impossible,
    MAX(processed_at) OVER last_10 AS last_updated,
    SUM(pace) OVER last_10 AS team_pace_last_10_sum,
    COUNT(pace) OVER last_10 AS team_pace_last_10_count,
    SUM(offensive_rating) OVER last_10 AS team_off_rating_last_10_sum,
    COUNT(offensive_rating) OVER last_10 AS team_off_rating_last_10_count
  FROM team_games
  WINDOW seq AS (PARTITION BY team_abbr, valid_after ORDER BY game_date, game_id), season AS (seq ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW), last_5 AS (seq ROWS BETWEEN 4 PRECEDING AND CURRENT ROW), last_10 AS (seq ROWS BETWEEN 9 PRECEDING AND CURRENT ROW), last_15 AS (seq ROWS BETWEEN 14 PRECEDING AND CURRENT ROW), last_20 AS (seq ROWS BETWEEN 19 PRECEDING AND CURRENT ROW)
), team_profiles AS (
  SELECT
    team_abbr,
    shown_after,
    shown_until,
    n_10,
    impossible,
    last_updated,
    ROUND(SAFE_DIVIDE(CAST(team_pace_last_10_sum AS NUMERIC), team_pace_last_10_count), 1) AS team_pace_last_10,
    ROUND(
      SAFE_DIVIDE(CAST(team_off_rating_last_10_sum AS NUMERIC), team_off_rating_last_10_count),
      2
    ) AS team_off_rating_last_10
  FROM team_windows
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
), matched AS (
  SELECT
    c.*,
    IFNULL(p.n, 0) AS n,
    p.points_avg_last_5,
    p.points_avg_last_10,
    p.points_avg_season,
    p.minutes_avg_last_10,
    p.usage_rate_last_10,
    p.player_usage_rate_season,
    p.ts_pct_last_10,
    p.points_std_last_10,
    p.assisted_rate_last_10,
    p.last_updated,
    team.team_pace_last_10,
    team.team_off_rating_last_10,
    IFNULL(team.n_10, 0) AS team_n,
    team.last_updated AS team_updated,
    NOT z.player_lookup IS NULL AS has_shots,
    z.primary_scoring_zone,
    z.paint_rate_last_10,
    z.three_pt_rate_last_10,
    z.processed_at AS shots_updated,
    f.failure_category || ': ' || f.failure_reason AS upstream_failure,
    COALESCE(c.impossible_context, p.impossible, team.impossible) AS impossible,
    i.incomplete_reason
  FROM contexts AS c
  LEFT JOIN profiles AS p
    ON p.player_lookup = c.player_lookup AND c.d > p.shown_after AND c.d <= p.shown_until
  LEFT JOIN team_profiles AS team
    ON team.team_abbr = c.team_abbr
    AND c.d > team.shown_after
    AND c.d <= team.shown_until
  LEFT JOIN nba_precompute.player_shot_zone_analysis AS z
    ON z.player_lookup = c.player_lookup AND z.analysis_date = c.d
  LEFT JOIN nba_processing.precompute_failures AS f
    ON f.entity_id = c.player_lookup
    AND f.analysis_date = c.d
    AND f.processor_name = 'PlayerShotZoneAnalysisProcessor'
  LEFT JOIN incomplete AS i
    ON i.incomplete_date = c.d AND i.incomplete_entity = c.player_lookup
), judged AS (
  SELECT
    *,
    CASE
      WHEN NOT impossible IS NULL
      THEN 'PROCESSING_ERROR'
      WHEN n < 5
      THEN 'INSUFFICIENT_DATA'
      WHEN NOT has_shots
      THEN 'MISSING_DEPENDENCY'
      WHEN NOT incomplete_reason IS NULL
      THEN 'INCOMPLETE_DATA'
    END AS failure_category
  FROM matched
), result AS (
  SELECT
    *,
    d AS cache_date,
    n AS games_played_season,
    n < 10 AS early_season_flag,
    IF(n < 10, CAST(n AS STRING) || ' of 10 games', NULL) AS insufficient_data_reason,
    has_shots AS shot_zone_data_available,
    'v1' AS cache_version,
    last_updated AS source_player_game_last_updated,
    n AS source_player_game_rows_found,
    team_updated AS source_team_offense_last_updated,
    team_n AS source_team_offense_rows_found,
    processed_at AS source_upcoming_context_last_updated,
    1 AS source_upcoming_context_rows_found,
    shots_updated AS source_shot_zone_last_updated,
    IF(has_shots, 1, 0) AS source_shot_zone_rows_found,
    CASE failure_category
      WHEN 'PROCESSING_ERROR'
      THEN impossible
      WHEN 'INSUFFICIENT_DATA'
      THEN CAST(n AS STRING) || ' of 5 games before ' || CAST(d AS STRING)
      WHEN 'MISSING_DEPENDENCY'
      THEN 'no row for ' || CAST(d AS STRING) || ' in nba_precompute.player_shot_zone_analysis' || IFNULL(' (PSZA: ' || upstream_failure || ')', '')
      WHEN 'INCOMPLETE_DATA'
      THEN incomplete_reason
    END AS failure_reason
  FROM judged
), framed AS (
  SELECT
    player_lookup,
    universal_player_id,
    cache_date,
    points_avg_last_5,
    points_avg_last_10,
    points_avg_season,
    points_std_last_10,
    minutes_avg_last_10,
    usage_rate_last_10,
    ts_pct_last_10,
    games_played_season,
    team_pace_last_10,
    team_off_rating_last_10,
    player_usage_rate_season,
    games_in_last_7_days,
    games_in_last_14_days,
    minutes_in_last_7_days,
    minutes_in_last_14_days,
    back_to_backs_last_14_days,
    avg_minutes_per_game_last_7,
    fourth_quarter_minutes_last_7,
    primary_scoring_zone,
    paint_rate_last_10,
    three_pt_rate_last_10,
    assisted_rate_last_10,
    player_age,
    early_season_flag,
    insufficient_data_reason,
    shot_zone_data_available,
    cache_version,
    source_player_game_last_updated,
    source_player_game_rows_found,
    source_team_offense_last_updated,
    source_team_offense_rows_found,
    source_upcoming_context_last_updated,
    source_upcoming_context_rows_found,
    source_shot_zone_last_updated,
    source_shot_zone_rows_found,
    failure_category,
    SUBSTR(failure_reason, 1, 1000) AS failure_reason,
    failure_category IN ('INSUFFICIENT_DATA', 'MISSING_DEPENDENCY', 'INCOMPLETE_DATA') AS can_retry,
    IF(
      failure_category IS NULL,
      SUBSTR(
        TO_HEX(
          SHA256(
            'player_lookup=' || IFNULL(CAST(player_lookup AS STRING), 'NULL') || '|universal_player_id=' || IFNULL(CAST(universal_player_id AS STRING), 'NULL') || '|cache_date=' || IFNULL(CAST(cache_date AS STRING), 'NULL') || '|points_avg_last_5=' || IFNULL(FORMAT('%.1f', points_avg_last_5), 'NULL') || '|points_avg_last_10=' || IFNULL(FORMAT('%.1f', points_avg_last_10), 'NULL') || '|points_avg_season=' || IFNULL(FORMAT('%.1f', points_avg_season), 'NULL') || '|points_std_last_10=' || IFNULL(FORMAT('%.2f', points_std_last_10), 'NULL') || '|minutes_avg_last_10=' || IFNULL(FORMAT('%.1f', minutes_avg_last_10), 'NULL') || '|usage_rate_last_10=' || IFNULL(FORMAT('%.2f', usage_rate_last_10), 'NULL') || '|ts_pct_last_10=' || IFNULL(FORMAT('%.3f', ts_pct_last_10), 'NULL') || '|games_played_season=' || IFNULL(CAST(games_played_season AS STRING), 'NULL') || '|team_pace_last_10=' || IFNULL(FORMAT('%.1f', team_pace_last_10), 'NULL') || '|team_off_rating_last_10=' || IFNULL(FORMAT('%.2f', team_off_rating_last_10), 'NULL') || '|player_usage_rate_season=' || IFNULL(FORMAT('%.2f', player_usage_rate_season), 'NULL') || '|games_in_last_7_days=' || IFNULL(CAST(games_in_last_7_days AS STRING), 'NULL') || '|games_in_last_14_days=' || IFNULL(CAST(games_in_last_14_days AS STRING), 'NULL') || '|minutes_in_last_7_days=' || IFNULL(CAST(minutes_in_last_7_days AS STRING), 'NULL') || '|minutes_in_last_14_days=' || IFNULL(CAST(minutes_in_last_14_days AS STRING), 'NULL') || '|back_to_backs_last_14_days=' || IFNULL(CAST(back_to_backs_last_14_days AS STRING), 'NULL') || '|avg_minutes_per_game_last_7=' || IFNULL(FORMAT('%.1f', avg_minutes_per_game_last_7), 'NULL') || '|fourth_quarter_minutes_last_7=' || IFNULL(CAST(fourth_quarter_minutes_last_7 AS STRING), 'NULL') || '|primary_scoring_zone=' || IFNULL(CAST(primary_scoring_zone AS STRING), 'NULL') || '|paint_rate_last_10=' || IFNULL(FORMAT('%.2f', paint_rate_last_10), 'NULL') || '|three_pt_rate_last_10=' || IFNULL(FORMAT('%.2f', three_pt_rate_last_10), 'NULL') || '|assisted_rate_last_10=' || IFNULL(FORMAT('%.2f', assisted_rate_last_10), 'NULL') || '|player_age=' || IFNULL(CAST(player_age AS STRING), 'NULL') || '|early_season_flag=' || IFNULL(CAST(early_season_flag AS STRING), 'NULL') || '|insufficient_data_reason=' || IFNULL(CAST(insufficient_data_reason AS STRING), 'NULL') || '|shot_zone_data_available=' || IFNULL(CAST(shot_zone_data_available AS STRING), 'NULL') || '|cache_version=' || IFNULL(CAST(cache_version AS STRING), 'NULL')
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
