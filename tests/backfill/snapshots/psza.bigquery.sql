WITH games_rows AS (
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
    universal_player_id,
    team_abbr,
    GREATEST(game_date, IFNULL(valid_after, game_date)) AS shown_after,
    LEAST(
      IFNULL(LEAD(game_date) OVER seq, CAST('9999-12-31' AS DATE)),
      IFNULL(valid_until, CAST('9999-12-31' AS DATE))
    ) AS shown_until,
    COUNT(*) OVER season AS n,
    COUNT(*) OVER last_10 AS n_10,
    COUNT(*) OVER last_20 AS n_20,
    LAST_VALUE(impossible IGNORE NULLS) OVER last_20 AS impossible,
    CAST(SUM(paint_attempts) OVER last_10 AS INT64) AS paint_attempts,
    CAST(SUM(IF(paint_attempts IS NULL, NULL, paint_makes)) OVER last_10 AS INT64) AS paint_makes,
    CAST(SUM(paint_attempts) OVER last_20 AS INT64) AS paint_attempts_20,
    CAST(SUM(mid_range_attempts) OVER last_10 AS INT64) AS mid_range_attempts,
    CAST(SUM(IF(mid_range_attempts IS NULL, NULL, mid_range_makes)) OVER last_10 AS INT64) AS mid_range_makes,
    CAST(SUM(mid_range_attempts) OVER last_20 AS INT64) AS mid_range_attempts_20,
    CAST(SUM(three_pt_attempts) OVER last_10 AS INT64) AS three_pt_attempts,
    CAST(SUM(IF(three_pt_attempts IS NULL, NULL, three_pt_makes)) OVER last_10 AS INT64) AS three_pt_makes,
    CAST(SUM(three_pt_attempts) OVER last_20 AS INT64) AS three_pt_attempts_20,
    CAST(SUM(IF(paint_attempts IS NULL, NULL, paint_makes)) OVER last_20 AS INT64) AS paint_makes_20,
    CAST(SUM(fg_makes) OVER last_10 AS INT64) AS fg_makes,
    CAST(SUM(IF(fg_makes IS NULL, NULL, assisted_fg_makes)) OVER last_10 AS INT64) AS assisted,
    CAST(SUM(IF(fg_makes IS NULL, NULL, unassisted_fg_makes)) OVER last_10 AS INT64) AS unassisted,
    MAX(processed_at) OVER last_20 AS last_updated
  FROM played
  WINDOW seq AS (PARTITION BY player_lookup, valid_after ORDER BY game_date, game_id), season AS (seq ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW), last_5 AS (seq ROWS BETWEEN 4 PRECEDING AND CURRENT ROW), last_10 AS (seq ROWS BETWEEN 9 PRECEDING AND CURRENT ROW), last_15 AS (seq ROWS BETWEEN 14 PRECEDING AND CURRENT ROW), last_20 AS (seq ROWS BETWEEN 19 PRECEDING AND CURRENT ROW)
), totals AS (
  SELECT
    *,
    paint_attempts + mid_range_attempts + three_pt_attempts AS attempts,
    paint_attempts_20 + mid_range_attempts_20 + three_pt_attempts_20 AS attempts_20
  FROM windows
), shots AS (
  SELECT
    player_lookup,
    universal_player_id,
    team_abbr,
    shown_after,
    shown_until,
    n,
    n_10,
    n_20,
    impossible,
    last_updated,
    NULLIF(attempts, 0) AS total_shots_last_10,
    ROUND(SAFE_DIVIDE(CAST(100 * paint_attempts AS NUMERIC), attempts), 2) AS paint_rate_last_10,
    ROUND(SAFE_DIVIDE(CAST(paint_makes AS NUMERIC), paint_attempts), 3) AS paint_pct_last_10,
    ROUND(SAFE_DIVIDE(CAST(paint_attempts AS NUMERIC), 10), 1) AS paint_attempts_per_game,
    ROUND(SAFE_DIVIDE(CAST(100 * mid_range_attempts AS NUMERIC), attempts), 2) AS mid_range_rate_last_10,
    ROUND(SAFE_DIVIDE(CAST(mid_range_makes AS NUMERIC), mid_range_attempts), 3) AS mid_range_pct_last_10,
    ROUND(SAFE_DIVIDE(CAST(mid_range_attempts AS NUMERIC), 10), 1) AS mid_range_attempts_per_game,
    ROUND(SAFE_DIVIDE(CAST(100 * three_pt_attempts AS NUMERIC), attempts), 2) AS three_pt_rate_last_10,
    ROUND(SAFE_DIVIDE(CAST(three_pt_makes AS NUMERIC), three_pt_attempts), 3) AS three_pt_pct_last_10,
    ROUND(SAFE_DIVIDE(CAST(three_pt_attempts AS NUMERIC), 10), 1) AS three_pt_attempts_per_game,
    IF(
      n_20 >= 15,
      ROUND(SAFE_DIVIDE(CAST(100 * paint_attempts_20 AS NUMERIC), attempts_20), 2),
      NULL
    ) AS paint_rate_last_20,
    IF(
      n_20 >= 15,
      ROUND(SAFE_DIVIDE(CAST(paint_makes_20 AS NUMERIC), paint_attempts_20), 3),
      NULL
    ) AS paint_pct_last_20,
    ROUND(SAFE_DIVIDE(CAST(100 * assisted AS NUMERIC), fg_makes), 2) AS assisted_rate_last_10,
    ROUND(SAFE_DIVIDE(CAST(100 * unassisted AS NUMERIC), fg_makes), 2) AS unassisted_rate_last_10
  FROM totals
), profiles AS (
  SELECT
    *,
    CASE
      WHEN n_10 >= 10
      THEN 'excellent'
      WHEN n_10 >= 7
      THEN 'good'
      WHEN n_10 >= 5
      THEN 'limited'
      ELSE 'insufficient'
    END AS sample_quality_10,
    CASE WHEN n_20 >= 20 THEN 'excellent' WHEN n_20 >= 14 THEN 'good' ELSE 'limited' END AS sample_quality_20,
    CASE
      WHEN paint_rate_last_10 IS NULL
      THEN NULL
      WHEN paint_rate_last_10 >= 40
      THEN 'paint'
      WHEN three_pt_rate_last_10 >= 40
      THEN 'perimeter'
      WHEN mid_range_rate_last_10 >= 35
      THEN 'mid_range'
      ELSE 'balanced'
    END AS primary_scoring_zone,
    CASE WHEN n >= 10 THEN 'high' WHEN n >= 7 THEN 'medium' ELSE 'low' END AS data_quality_tier
  FROM shots
), newest AS (
  SELECT
    *
  FROM UNNEST(@dates) AS d
  JOIN profiles
    ON d > shown_after AND d <= shown_until
), asked AS (
  SELECT
    d,
    player_lookup AS entity,
    team_abbr AS team
  FROM newest
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
), judged AS (
  SELECT
    *,
    CASE
      WHEN NOT impossible IS NULL
      THEN 'PROCESSING_ERROR'
      WHEN n < 10
      THEN 'INSUFFICIENT_DATA'
      WHEN NOT incomplete_reason IS NULL
      THEN 'INCOMPLETE_DATA'
    END AS failure_category
  FROM newest
  LEFT JOIN incomplete
    ON incomplete_date = d AND incomplete_entity = player_lookup
), result AS (
  SELECT
    *,
    d AS analysis_date,
    n_10 AS games_in_sample_10,
    n_20 AS games_in_sample_20,
    FALSE AS early_season_flag,
    last_updated AS source_player_game_last_updated,
    n_20 AS source_player_game_rows_found,
    CASE failure_category
      WHEN 'PROCESSING_ERROR'
      THEN impossible
      WHEN 'INSUFFICIENT_DATA'
      THEN CAST(n AS STRING) || ' of 10 games before ' || CAST(d AS STRING)
      WHEN 'INCOMPLETE_DATA'
      THEN incomplete_reason
    END AS failure_reason
  FROM judged
), framed AS (
  SELECT
    player_lookup,
    universal_player_id,
    analysis_date,
    paint_rate_last_10,
    mid_range_rate_last_10,
    three_pt_rate_last_10,
    total_shots_last_10,
    games_in_sample_10,
    sample_quality_10,
    paint_pct_last_10,
    mid_range_pct_last_10,
    three_pt_pct_last_10,
    paint_attempts_per_game,
    mid_range_attempts_per_game,
    three_pt_attempts_per_game,
    paint_rate_last_20,
    paint_pct_last_20,
    games_in_sample_20,
    sample_quality_20,
    assisted_rate_last_10,
    unassisted_rate_last_10,
    primary_scoring_zone,
    data_quality_tier,
    early_season_flag,
    source_player_game_last_updated,
    source_player_game_rows_found,
    failure_category,
    SUBSTR(failure_reason, 1, 1000) AS failure_reason,
    failure_category IN ('INSUFFICIENT_DATA', 'MISSING_DEPENDENCY', 'INCOMPLETE_DATA') AS can_retry,
    IF(
      failure_category IS NULL,
      SUBSTR(
        TO_HEX(
          SHA256(
            'player_lookup=' || IFNULL(CAST(player_lookup AS STRING), 'NULL') || '|universal_player_id=' || IFNULL(CAST(universal_player_id AS STRING), 'NULL') || '|analysis_date=' || IFNULL(CAST(analysis_date AS STRING), 'NULL') || '|paint_rate_last_10=' || IFNULL(FORMAT('%.2f', paint_rate_last_10), 'NULL') || '|mid_range_rate_last_10=' || IFNULL(FORMAT('%.2f', mid_range_rate_last_10), 'NULL') || '|three_pt_rate_last_10=' || IFNULL(FORMAT('%.2f', three_pt_rate_last_10), 'NULL') || '|total_shots_last_10=' || IFNULL(CAST(total_shots_last_10 AS STRING), 'NULL') || '|games_in_sample_10=' || IFNULL(CAST(games_in_sample_10 AS STRING), 'NULL') || '|sample_quality_10=' || IFNULL(CAST(sample_quality_10 AS STRING), 'NULL') || '|paint_pct_last_10=' || IFNULL(FORMAT('%.3f', paint_pct_last_10), 'NULL') || '|mid_range_pct_last_10=' || IFNULL(FORMAT('%.3f', mid_range_pct_last_10), 'NULL') || '|three_pt_pct_last_10=' || IFNULL(FORMAT('%.3f', three_pt_pct_last_10), 'NULL') || '|paint_attempts_per_game=' || IFNULL(FORMAT('%.1f', paint_attempts_per_game), 'NULL') || '|mid_range_attempts_per_game=' || IFNULL(FORMAT('%.1f', mid_range_attempts_per_game), 'NULL') || '|three_pt_attempts_per_game=' || IFNULL(FORMAT('%.1f', three_pt_attempts_per_game), 'NULL') || '|paint_rate_last_20=' || IFNULL(FORMAT('%.2f', paint_rate_last_20), 'NULL') || '|paint_pct_last_20=' || IFNULL(FORMAT('%.3f', paint_pct_last_20), 'NULL') || '|games_in_sample_20=' || IFNULL(CAST(games_in_sample_20 AS STRING), 'NULL') || '|sample_quality_20=' || IFNULL(CAST(sample_quality_20 AS STRING), 'NULL') || '|assisted_rate_last_10=' || IFNULL(FORMAT('%.2f', assisted_rate_last_10), 'NULL') || '|unassisted_rate_last_10=' || IFNULL(FORMAT('%.2f', unassisted_rate_last_10), 'NULL') || '|primary_scoring_zone=' || IFNULL(CAST(primary_scoring_zone AS STRING), 'NULL') || '|data_quality_tier=' || IFNULL(CAST(data_quality_tier AS STRING), 'NULL') || '|early_season_flag=' || IFNULL(CAST(early_season_flag AS STRING), 'NULL')
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
