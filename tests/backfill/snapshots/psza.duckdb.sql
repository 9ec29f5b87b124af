-- kept_e9168215cc7a
WITH games_rows AS (
  SELECT
    *,
    MIN(game_date) OVER same_game < MAX(game_date) OVER same_game AS moved
  FROM nba_analytics.player_game_summary
  WHERE
    game_date >= GETVARIABLE('season_start')
    AND game_date < (
      GETVARIABLE('season_start') + INTERVAL '1' YEAR
    )
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
    LEAD(game_date) OVER (PARTITION BY player_lookup ORDER BY game_date NULLS FIRST) AS valid_until
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
      THEN 'minutes_played = ' || CAST(CAST(minutes_played AS DECIMAL(18, 1)) AS TEXT)
      WHEN points < 0
      THEN 'points = ' || CAST(points AS TEXT)
      WHEN fg_attempts < 0
      THEN 'fg_attempts = ' || CAST(fg_attempts AS TEXT)
      WHEN fg_makes < 0
      THEN 'fg_makes = ' || CAST(fg_makes AS TEXT)
      WHEN paint_attempts < 0
      THEN 'paint_attempts = ' || CAST(paint_attempts AS TEXT)
      WHEN paint_makes < 0
      THEN 'paint_makes = ' || CAST(paint_makes AS TEXT)
      WHEN mid_range_attempts < 0
      THEN 'mid_range_attempts = ' || CAST(mid_range_attempts AS TEXT)
      WHEN mid_range_makes < 0
      THEN 'mid_range_makes = ' || CAST(mid_range_makes AS TEXT)
      WHEN three_pt_attempts < 0
      THEN 'three_pt_attempts = ' || CAST(three_pt_attempts AS TEXT)
      WHEN three_pt_makes < 0
      THEN 'three_pt_makes = ' || CAST(three_pt_makes AS TEXT)
      WHEN assisted_fg_makes < 0
      THEN 'assisted_fg_makes = ' || CAST(assisted_fg_makes AS TEXT)
      WHEN unassisted_fg_makes < 0
      THEN 'unassisted_fg_makes = ' || CAST(unassisted_fg_makes AS TEXT)
      WHEN ft_attempts < 0
      THEN 'ft_attempts = ' || CAST(ft_attempts AS TEXT)
      WHEN ft_makes < 0
      THEN 'ft_makes = ' || CAST(ft_makes AS TEXT)
      WHEN usage_rate < 0
      THEN 'usage_rate = ' || CAST(CAST(usage_rate AS DECIMAL(18, 2)) AS TEXT)
      WHEN ts_pct < 0
      THEN 'ts_pct = ' || CAST(CAST(ts_pct AS DECIMAL(18, 3)) AS TEXT)
      WHEN minutes_played > 70
      THEN 'minutes_played = ' || CAST(CAST(minutes_played AS DECIMAL(18, 1)) AS TEXT)
      WHEN fg_makes > fg_attempts
      THEN 'fg_makes = ' || CAST(fg_makes AS TEXT) || ' > fg_attempts = ' || CAST(fg_attempts AS TEXT)
      WHEN paint_makes > paint_attempts
      THEN 'paint_makes = ' || CAST(paint_makes AS TEXT) || ' > paint_attempts = ' || CAST(paint_attempts AS TEXT)
      WHEN mid_range_makes > mid_range_attempts
      THEN 'mid_range_makes = ' || CAST(mid_range_makes AS TEXT) || ' > mid_range_attempts = ' || CAST(mid_range_attempts AS TEXT)
      WHEN three_pt_makes > three_pt_attempts
      THEN 'three_pt_makes = ' || CAST(three_pt_makes AS TEXT) || ' > three_pt_attempts = ' || CAST(three_pt_attempts AS TEXT)
      WHEN ft_makes > ft_attempts
      THEN 'ft_makes = ' || CAST(ft_makes AS TEXT) || ' > ft_attempts = ' || CAST(ft_attempts AS TEXT)
      WHEN assisted_fg_makes > fg_makes
      THEN 'assisted_fg_makes = ' || CAST(assisted_fg_makes AS TEXT) || ' > fg_makes = ' || CAST(fg_makes AS TEXT)
      WHEN unassisted_fg_makes > fg_makes
      THEN 'unassisted_fg_makes = ' || CAST(unassisted_fg_makes AS TEXT) || ' > fg_makes = ' || CAST(fg_makes AS TEXT)
      WHEN usage_rate > 100
      THEN 'usage_rate = ' || CAST(CAST(usage_rate AS DECIMAL(18, 2)) AS TEXT)
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
      COALESCE(minutes_played, 0) > 0
      OR COALESCE(fg_attempts, 0) > 0
      OR COALESCE(points, 0) > 0
    )
)
SELECT
  *
FROM played

-- kept_62997393da9d
WITH games_rows AS (
  SELECT
    *,
    MIN(game_date) OVER same_game < MAX(game_date) OVER same_game AS moved
  FROM nba_analytics.player_game_summary
  WHERE
    game_date >= GETVARIABLE('season_start')
    AND game_date < (
      GETVARIABLE('season_start') + INTERVAL '1' YEAR
    )
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
    LEAD(game_date) OVER (PARTITION BY player_lookup ORDER BY game_date NULLS FIRST) AS valid_until
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
      THEN 'minutes_played = ' || CAST(CAST(minutes_played AS DECIMAL(18, 1)) AS TEXT)
      WHEN points < 0
      THEN 'points = ' || CAST(points AS TEXT)
      WHEN fg_attempts < 0
      THEN 'fg_attempts = ' || CAST(fg_attempts AS TEXT)
      WHEN fg_makes < 0
      THEN 'fg_makes = ' || CAST(fg_makes AS TEXT)
      WHEN paint_attempts < 0
      THEN 'paint_attempts = ' || CAST(paint_attempts AS TEXT)
      WHEN paint_makes < 0
      THEN 'paint_makes = ' || CAST(paint_makes AS TEXT)
      WHEN mid_range_attempts < 0
      THEN 'mid_range_attempts = ' || CAST(mid_range_attempts AS TEXT)
      WHEN mid_range_makes < 0
      THEN 'mid_range_makes = ' || CAST(mid_range_makes AS TEXT)
      WHEN three_pt_attempts < 0
      THEN 'three_pt_attempts = ' || CAST(three_pt_attempts AS TEXT)
      WHEN three_pt_makes < 0
      THEN 'three_pt_makes = ' || CAST(three_pt_makes AS TEXT)
      WHEN assisted_fg_makes < 0
      THEN 'assisted_fg_makes = ' || CAST(assisted_fg_makes AS TEXT)
      WHEN unassisted_fg_makes < 0
      THEN 'unassisted_fg_makes = ' || CAST(unassisted_fg_makes AS TEXT)
      WHEN ft_attempts < 0
      THEN 'ft_attempts = ' || CAST(ft_attempts AS TEXT)
      WHEN ft_makes < 0
      THEN 'ft_makes = ' || CAST(ft_makes AS TEXT)
      WHEN usage_rate < 0
      THEN 'usage_rate = ' || CAST(CAST(usage_rate AS DECIMAL(18, 2)) AS TEXT)
      WHEN ts_pct < 0
      THEN 'ts_pct = ' || CAST(CAST(ts_pct AS DECIMAL(18, 3)) AS TEXT)
      WHEN minutes_played > 70
      THEN 'minutes_played = ' || CAST(CAST(minutes_played AS DECIMAL(18, 1)) AS TEXT)
      WHEN fg_makes > fg_attempts
      THEN 'fg_makes = ' || CAST(fg_makes AS TEXT) || ' > fg_attempts = ' || CAST(fg_attempts AS TEXT)
      WHEN paint_makes > paint_attempts
      THEN 'paint_makes = ' || CAST(paint_makes AS TEXT) || ' > paint_attempts = ' || CAST(paint_attempts AS TEXT)
      WHEN mid_range_makes > mid_range_attempts
      THEN 'mid_range_makes = ' || CAST(mid_range_makes AS TEXT) || ' > mid_range_attempts = ' || CAST(mid_range_attempts AS TEXT)
      WHEN three_pt_makes > three_pt_attempts
      THEN 'three_pt_makes = ' || CAST(three_pt_makes AS TEXT) || ' > three_pt_attempts = ' || CAST(three_pt_attempts AS TEXT)
      WHEN ft_makes > ft_attempts
      THEN 'ft_makes = ' || CAST(ft_makes AS TEXT) || ' > ft_attempts = ' || CAST(ft_attempts AS TEXT)
      WHEN assisted_fg_makes > fg_makes
      THEN 'assisted_fg_makes = ' || CAST(assisted_fg_makes AS TEXT) || ' > fg_makes = ' || CAST(fg_makes AS TEXT)
      WHEN unassisted_fg_makes > fg_makes
      THEN 'unassisted_fg_makes = ' || CAST(unassisted_fg_makes AS TEXT) || ' > fg_makes = ' || CAST(fg_makes AS TEXT)
      WHEN usage_rate > 100
      THEN 'usage_rate = ' || CAST(CAST(usage_rate AS DECIMAL(18, 2)) AS TEXT)
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
      COALESCE(minutes_played, 0) > 0
      OR COALESCE(fg_attempts, 0) > 0
      OR COALESCE(points, 0) > 0
    )
), windows AS (
  SELECT
    player_lookup,
    universal_player_id,
    team_abbr,
    CASE
      WHEN game_date IS NULL OR COALESCE(valid_after, game_date) IS NULL
      THEN NULL
      ELSE GREATEST(game_date, COALESCE(valid_after, game_date))
    END AS shown_after,
    CASE
      WHEN COALESCE(LEAD(game_date) OVER seq, CAST('9999-12-31' AS DATE)) IS NULL
      OR COALESCE(valid_until, CAST('9999-12-31' AS DATE)) IS NULL
      THEN NULL
      ELSE LEAST(
        COALESCE(LEAD(game_date) OVER seq, CAST('9999-12-31' AS DATE)),
        COALESCE(valid_until, CAST('9999-12-31' AS DATE))
      )
    END AS shown_until,
    COUNT(*) OVER season AS n,
    COUNT(*) OVER last_10 AS n_10,
    COUNT(*) OVER last_20 AS n_20,
    LAST_VALUE(impossible IGNORE NULLS) OVER last_20 AS impossible,
    CAST(SUM(paint_attempts) OVER last_10 AS BIGINT) AS paint_attempts,
    CAST(SUM(CASE WHEN paint_attempts IS NULL THEN NULL ELSE paint_makes END) OVER last_10 AS BIGINT) AS paint_makes,
    CAST(SUM(paint_attempts) OVER last_20 AS BIGINT) AS paint_attempts_20,
    CAST(SUM(mid_range_attempts) OVER last_10 AS BIGINT) AS mid_range_attempts,
    CAST(SUM(CASE WHEN mid_range_attempts IS NULL THEN NULL ELSE mid_range_makes END) OVER last_10 AS BIGINT) AS mid_range_makes,
    CAST(SUM(mid_range_attempts) OVER last_20 AS BIGINT) AS mid_range_attempts_20,
    CAST(SUM(three_pt_attempts) OVER last_10 AS BIGINT) AS three_pt_attempts,
    CAST(SUM(CASE WHEN three_pt_attempts IS NULL THEN NULL ELSE three_pt_makes END) OVER last_10 AS BIGINT) AS three_pt_makes,
    CAST(SUM(three_pt_attempts) OVER last_20 AS BIGINT) AS three_pt_attempts_20,
    CAST(SUM(CASE WHEN paint_attempts IS NULL THEN NULL ELSE paint_makes END) OVER last_20 AS BIGINT) AS paint_makes_20,
    CAST(SUM(fg_makes) OVER last_10 AS BIGINT) AS fg_makes,
    CAST(SUM(CASE WHEN fg_makes IS NULL THEN NULL ELSE assisted_fg_makes END) OVER last_10 AS BIGINT) AS assisted,
    CAST(SUM(CASE WHEN fg_makes IS NULL THEN NULL ELSE unassisted_fg_makes END) OVER last_10 AS BIGINT) AS unassisted,
    MAX(processed_at) OVER last_20 AS last_updated
  FROM played
  WINDOW seq AS (
    PARTITION BY player_lookup, valid_after
    ORDER BY game_date NULLS FIRST, game_id NULLS FIRST
  ), season AS (seq ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW), last_5 AS (seq ROWS BETWEEN 4 PRECEDING AND CURRENT ROW), last_10 AS (seq ROWS BETWEEN 9 PRECEDING AND CURRENT ROW), last_15 AS (seq ROWS BETWEEN 14 PRECEDING AND CURRENT ROW), last_20 AS (seq ROWS BETWEEN 19 PRECEDING AND CURRENT ROW)
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
    CAST(CASE
      WHEN attempts <> 0
      THEN CAST(100 * paint_attempts AS DECIMAL(38, 9)) / attempts
      ELSE NULL
    END AS DECIMAL(18, 2)) AS paint_rate_last_10,
    CAST(CASE
      WHEN paint_attempts <> 0
      THEN CAST(paint_makes AS DECIMAL(38, 9)) / paint_attempts
      ELSE NULL
    END AS DECIMAL(18, 3)) AS paint_pct_last_10,
    CAST(CASE WHEN 10 <> 0 THEN CAST(paint_attempts AS DECIMAL(38, 9)) / 10 ELSE NULL END AS DECIMAL(18, 1)) AS paint_attempts_per_game,
    CAST(CASE
      WHEN attempts <> 0
      THEN CAST(100 * mid_range_attempts AS DECIMAL(38, 9)) / attempts
      ELSE NULL
    END AS DECIMAL(18, 2)) AS mid_range_rate_last_10,
    CAST(CASE
      WHEN mid_range_attempts <> 0
      THEN CAST(mid_range_makes AS DECIMAL(38, 9)) / mid_range_attempts
      ELSE NULL
    END AS DECIMAL(18, 3)) AS mid_range_pct_last_10,
    CAST(CASE WHEN 10 <> 0 THEN CAST(mid_range_attempts AS DECIMAL(38, 9)) / 10 ELSE NULL END AS DECIMAL(18, 1)) AS mid_range_attempts_per_game,
    CAST(CASE
      WHEN attempts <> 0
      THEN CAST(100 * three_pt_attempts AS DECIMAL(38, 9)) / attempts
      ELSE NULL
    END AS DECIMAL(18, 2)) AS three_pt_rate_last_10,
    CAST(CASE
      WHEN three_pt_attempts <> 0
      THEN CAST(three_pt_makes AS DECIMAL(38, 9)) / three_pt_attempts
      ELSE NULL
    END AS DECIMAL(18, 3)) AS three_pt_pct_last_10,
    CAST(CASE WHEN 10 <> 0 THEN CAST(three_pt_attempts AS DECIMAL(38, 9)) / 10 ELSE NULL END AS DECIMAL(18, 1)) AS three_pt_attempts_per_game,
    CASE
      WHEN n_20 >= 15
      THEN CAST(CASE
        WHEN attempts_20 <> 0
        THEN CAST(100 * paint_attempts_20 AS DECIMAL(38, 9)) / attempts_20
        ELSE NULL
      END AS DECIMAL(18, 2))
      ELSE NULL
    END AS paint_rate_last_20,
    CASE
      WHEN n_20 >= 15
      THEN CAST(CASE
        WHEN paint_attempts_20 <> 0
        THEN CAST(paint_makes_20 AS DECIMAL(38, 9)) / paint_attempts_20
        ELSE NULL
      END AS DECIMAL(18, 3))
      ELSE NULL
    END AS paint_pct_last_20,
    CAST(CASE
      WHEN fg_makes <> 0
      THEN CAST(100 * assisted AS DECIMAL(38, 9)) / fg_makes
      ELSE NULL
    END AS DECIMAL(18, 2)) AS assisted_rate_last_10,
    CAST(CASE
      WHEN fg_makes <> 0
      THEN CAST(100 * unassisted AS DECIMAL(38, 9)) / fg_makes
      ELSE NULL
    END AS DECIMAL(18, 2)) AS unassisted_rate_last_10
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
)
SELECT
  *
FROM profiles

WITH games_rows AS (
  SELECT
    *,
    MIN(game_date) OVER same_game < MAX(game_date) OVER same_game AS moved
  FROM nba_analytics.player_game_summary
  WHERE
    game_date >= GETVARIABLE('season_start')
    AND game_date < (
      GETVARIABLE('season_start') + INTERVAL '1' YEAR
    )
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
    LEAD(game_date) OVER (PARTITION BY player_lookup ORDER BY game_date NULLS FIRST) AS valid_until
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
      THEN 'minutes_played = ' || CAST(CAST(minutes_played AS DECIMAL(18, 1)) AS TEXT)
      WHEN points < 0
      THEN 'points = ' || CAST(points AS TEXT)
      WHEN fg_attempts < 0
      THEN 'fg_attempts = ' || CAST(fg_attempts AS TEXT)
      WHEN fg_makes < 0
      THEN 'fg_makes = ' || CAST(fg_makes AS TEXT)
      WHEN paint_attempts < 0
      THEN 'paint_attempts = ' || CAST(paint_attempts AS TEXT)
      WHEN paint_makes < 0
      THEN 'paint_makes = ' || CAST(paint_makes AS TEXT)
      WHEN mid_range_attempts < 0
      THEN 'mid_range_attempts = ' || CAST(mid_range_attempts AS TEXT)
      WHEN mid_range_makes < 0
      THEN 'mid_range_makes = ' || CAST(mid_range_makes AS TEXT)
      WHEN three_pt_attempts < 0
      THEN 'three_pt_attempts = ' || CAST(three_pt_attempts AS TEXT)
      WHEN three_pt_makes < 0
      THEN 'three_pt_makes = ' || CAST(three_pt_makes AS TEXT)
      WHEN assisted_fg_makes < 0
      THEN 'assisted_fg_makes = ' || CAST(assisted_fg_makes AS TEXT)
      WHEN unassisted_fg_makes < 0
      THEN 'unassisted_fg_makes = ' || CAST(unassisted_fg_makes AS TEXT)
      WHEN ft_attempts < 0
      THEN 'ft_attempts = ' || CAST(ft_attempts AS TEXT)
      WHEN ft_makes < 0
      THEN 'ft_makes = ' || CAST(ft_makes AS TEXT)
      WHEN usage_rate < 0
      THEN 'usage_rate = ' || CAST(CAST(usage_rate AS DECIMAL(18, 2)) AS TEXT)
      WHEN ts_pct < 0
      THEN 'ts_pct = ' || CAST(CAST(ts_pct AS DECIMAL(18, 3)) AS TEXT)
      WHEN minutes_played > 70
      THEN 'minutes_played = ' || CAST(CAST(minutes_played AS DECIMAL(18, 1)) AS TEXT)
      WHEN fg_makes > fg_attempts
      THEN 'fg_makes = ' || CAST(fg_makes AS TEXT) || ' > fg_attempts = ' || CAST(fg_attempts AS TEXT)
      WHEN paint_makes > paint_attempts
      THEN 'paint_makes = ' || CAST(paint_makes AS TEXT) || ' > paint_attempts = ' || CAST(paint_attempts AS TEXT)
      WHEN mid_range_makes > mid_range_attempts
      THEN 'mid_range_makes = ' || CAST(mid_range_makes AS TEXT) || ' > mid_range_attempts = ' || CAST(mid_range_attempts AS TEXT)
      WHEN three_pt_makes > three_pt_attempts
      THEN 'three_pt_makes = ' || CAST(three_pt_makes AS TEXT) || ' > three_pt_attempts = ' || CAST(three_pt_attempts AS TEXT)
      WHEN ft_makes > ft_attempts
      THEN 'ft_makes = ' || CAST(ft_makes AS TEXT) || ' > ft_attempts = ' || CAST(ft_attempts AS TEXT)
      WHEN assisted_fg_makes > fg_makes
      THEN 'assisted_fg_makes = ' || CAST(assisted_fg_makes AS TEXT) || ' > fg_makes = ' || CAST(fg_makes AS TEXT)
      WHEN unassisted_fg_makes > fg_makes
      THEN 'unassisted_fg_makes = ' || CAST(unassisted_fg_makes AS TEXT) || ' > fg_makes = ' || CAST(fg_makes AS TEXT)
      WHEN usage_rate > 100
      THEN 'usage_rate = ' || CAST(CAST(usage_rate AS DECIMAL(18, 2)) AS TEXT)
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
  FROM kept_e9168215cc7a
), windows AS (
  SELECT
    player_lookup,
    universal_player_id,
    team_abbr,
    CASE
      WHEN game_date IS NULL OR COALESCE(valid_after, game_date) IS NULL
      THEN NULL
      ELSE GREATEST(game_date, COALESCE(valid_after, game_date))
    END AS shown_after,
    CASE
      WHEN COALESCE(LEAD(game_date) OVER seq, CAST('9999-12-31' AS DATE)) IS NULL
      OR COALESCE(valid_until, CAST('9999-12-31' AS DATE)) IS NULL
      THEN NULL
      ELSE LEAST(
        COALESCE(LEAD(game_date) OVER seq, CAST('9999-12-31' AS DATE)),
        COALESCE(valid_until, CAST('9999-12-31' AS DATE))
      )
    END AS shown_until,
    COUNT(*) OVER season AS n,
    COUNT(*) OVER last_10 AS n_10,
    COUNT(*) OVER last_20 AS n_20,
    LAST_VALUE(impossible IGNORE NULLS) OVER last_20 AS impossible,
    CAST(SUM(paint_attempts) OVER last_10 AS BIGINT) AS paint_attempts,
    CAST(SUM(CASE WHEN paint_attempts IS NULL THEN NULL ELSE paint_makes END) OVER last_10 AS BIGINT) AS paint_makes,
    CAST(SUM(paint_attempts) OVER last_20 AS BIGINT) AS paint_attempts_20,
    CAST(SUM(mid_range_attempts) OVER last_10 AS BIGINT) AS mid_range_attempts,
    CAST(SUM(CASE WHEN mid_range_attempts IS NULL THEN NULL ELSE mid_range_makes END) OVER last_10 AS BIGINT) AS mid_range_makes,
    CAST(SUM(mid_range_attempts) OVER last_20 AS BIGINT) AS mid_range_attempts_20,
    CAST(SUM(three_pt_attempts) OVER last_10 AS BIGINT) AS three_pt_attempts,
    CAST(SUM(CASE WHEN three_pt_attempts IS NULL THEN NULL ELSE three_pt_makes END) OVER last_10 AS BIGINT) AS three_pt_makes,
    CAST(SUM(three_pt_attempts) OVER last_20 AS BIGINT) AS three_pt_attempts_20,
    CAST(SUM(CASE WHEN paint_attempts IS NULL THEN NULL ELSE paint_makes END) OVER last_20 AS BIGINT) AS paint_makes_20,
    CAST(SUM(fg_makes) OVER last_10 AS BIGINT) AS fg_makes,
    CAST(SUM(CASE WHEN fg_makes IS NULL THEN NULL ELSE assisted_fg_makes END) OVER last_10 AS BIGINT) AS assisted,
    CAST(SUM(CASE WHEN fg_makes IS NULL THEN NULL ELSE unassisted_fg_makes END) OVER last_10 AS BIGINT) AS unassisted,
    MAX(processed_at) OVER last_20 AS last_updated
  FROM played
  WINDOW seq AS (
    PARTITION BY player_lookup, valid_after
    ORDER BY game_date NULLS FIRST, game_id NULLS FIRST
  ), season AS (seq ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW), last_5 AS (seq ROWS BETWEEN 4 PRECEDING AND CURRENT ROW), last_10 AS (seq ROWS BETWEEN 9 PRECEDING AND CURRENT ROW), last_15 AS (seq ROWS BETWEEN 14 PRECEDING AND CURRENT ROW), last_20 AS (seq ROWS BETWEEN 19 PRECEDING AND CURRENT ROW)
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
    CAST(CASE
      WHEN attempts <> 0
      THEN CAST(100 * paint_attempts AS DECIMAL(38, 9)) / attempts
      ELSE NULL
    END AS DECIMAL(18, 2)) AS paint_rate_last_10,
    CAST(CASE
      WHEN paint_attempts <> 0
      THEN CAST(paint_makes AS DECIMAL(38, 9)) / paint_attempts
      ELSE NULL
    END AS DECIMAL(18, 3)) AS paint_pct_last_10,
    CAST(CASE WHEN 10 <> 0 THEN CAST(paint_attempts AS DECIMAL(38, 9)) / 10 ELSE NULL END AS DECIMAL(18, 1)) AS paint_attempts_per_game,
    CAST(CASE
      WHEN attempts <> 0
      THEN CAST(100 * mid_range_attempts AS DECIMAL(38, 9)) / attempts
      ELSE NULL
    END AS DECIMAL(18, 2)) AS mid_range_rate_last_10,
    CAST(CASE
      WHEN mid_range_attempts <> 0
      THEN CAST(mid_range_makes AS DECIMAL(38, 9)) / mid_range_attempts
      ELSE NULL
    END AS DECIMAL(18, 3)) AS mid_range_pct_last_10,
    CAST(CASE WHEN 10 <> 0 THEN CAST(mid_range_attempts AS DECIMAL(38, 9)) / 10 ELSE NULL END AS DECIMAL(18, 1)) AS mid_range_attempts_per_game,
    CAST(CASE
      WHEN attempts <> 0
      THEN CAST(100 * three_pt_attempts AS DECIMAL(38, 9)) / attempts
      ELSE NULL
    END AS DECIMAL(18, 2)) AS three_pt_rate_last_10,
    CAST(CASE
      WHEN three_pt_attempts <> 0
      THEN CAST(three_pt_makes AS DECIMAL(38, 9)) / three_pt_attempts
      ELSE NULL
    END AS DECIMAL(18, 3)) AS three_pt_pct_last_10,
    CAST(CASE WHEN 10 <> 0 THEN CAST(three_pt_attempts AS DECIMAL(38, 9)) / 10 ELSE NULL END AS DECIMAL(18, 1)) AS three_pt_attempts_per_game,
    CASE
      WHEN n_20 >= 15
      THEN CAST(CASE
        WHEN attempts_20 <> 0
        THEN CAST(100 * paint_attempts_20 AS DECIMAL(38, 9)) / attempts_20
        ELSE NULL
      END AS DECIMAL(18, 2))
      ELSE NULL
    END AS paint_rate_last_20,
    CASE
      WHEN n_20 >= 15
      THEN CAST(CASE
        WHEN paint_attempts_20 <> 0
        THEN CAST(paint_makes_20 AS DECIMAL(38, 9)) / paint_attempts_20
        ELSE NULL
      END AS DECIMAL(18, 3))
      ELSE NULL
    END AS paint_pct_last_20,
    CAST(CASE
      WHEN fg_makes <> 0
      THEN CAST(100 * assisted AS DECIMAL(38, 9)) / fg_makes
      ELSE NULL
    END AS DECIMAL(18, 2)) AS assisted_rate_last_10,
    CAST(CASE
      WHEN fg_makes <> 0
      THEN CAST(100 * unassisted AS DECIMAL(38, 9)) / fg_makes
      ELSE NULL
    END AS DECIMAL(18, 2)) AS unassisted_rate_last_10
  FROM totals
), profiles AS (
  SELECT
    *
  FROM kept_62997393da9d
), newest AS (
  SELECT
    *
  FROM UNNEST(GETVARIABLE('dates')) AS _t0(d)
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
  FROM UNNEST(GETVARIABLE('dates')) AS _t1(d)
  JOIN nba_reference.nba_schedule
    ON game_date >= GETVARIABLE('season_start') AND game_date < d
  CROSS JOIN UNNEST([home_team_abbr, away_team_abbr]) AS _t2(team)
  WHERE
    NOT GETVARIABLE('backfill_mode')
    AND DATE_DIFF('DAY', GETVARIABLE('season_start'), d) >= 30
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
    CASE
      WHEN r.expected IS NULL OR COUNT(g.game_id) IS NULL
      THEN NULL
      ELSE LEAST(r.expected, COUNT(g.game_id))
    END AS found
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
    CAST(found AS TEXT) || ' of ' || CAST(expected AS TEXT) || ' recent team games found, 90 % required' AS incomplete_reason
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
      THEN CAST(n AS TEXT) || ' of 10 games before ' || CAST(d AS TEXT)
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
    SUBSTRING(failure_reason, 1, 1000) AS failure_reason,
    failure_category IN ('INSUFFICIENT_DATA', 'MISSING_DEPENDENCY', 'INCOMPLETE_DATA') AS can_retry,
    CASE
      WHEN failure_category IS NULL
      THEN SUBSTRING(
        SHA256(
          'player_lookup=' || COALESCE(CAST(player_lookup AS TEXT), 'NULL') || '|universal_player_id=' || COALESCE(CAST(universal_player_id AS TEXT), 'NULL') || '|analysis_date=' || COALESCE(CAST(analysis_date AS TEXT), 'NULL') || '|paint_rate_last_10=' || COALESCE(CAST(CAST(paint_rate_last_10 AS DECIMAL(18, 2)) AS TEXT), 'NULL') || '|mid_range_rate_last_10=' || COALESCE(CAST(CAST(mid_range_rate_last_10 AS DECIMAL(18, 2)) AS TEXT), 'NULL') || '|three_pt_rate_last_10=' || COALESCE(CAST(CAST(three_pt_rate_last_10 AS DECIMAL(18, 2)) AS TEXT), 'NULL') || '|total_shots_last_10=' || COALESCE(CAST(total_shots_last_10 AS TEXT), 'NULL') || '|games_in_sample_10=' || COALESCE(CAST(games_in_sample_10 AS TEXT), 'NULL') || '|sample_quality_10=' || COALESCE(CAST(sample_quality_10 AS TEXT), 'NULL') || '|paint_pct_last_10=' || COALESCE(CAST(CAST(paint_pct_last_10 AS DECIMAL(18, 3)) AS TEXT), 'NULL') || '|mid_range_pct_last_10=' || COALESCE(CAST(CAST(mid_range_pct_last_10 AS DECIMAL(18, 3)) AS TEXT), 'NULL') || '|three_pt_pct_last_10=' || COALESCE(CAST(CAST(three_pt_pct_last_10 AS DECIMAL(18, 3)) AS TEXT), 'NULL') || '|paint_attempts_per_game=' || COALESCE(CAST(CAST(paint_attempts_per_game AS DECIMAL(18, 1)) AS TEXT), 'NULL') || '|mid_range_attempts_per_game=' || COALESCE(CAST(CAST(mid_range_attempts_per_game AS DECIMAL(18, 1)) AS TEXT), 'NULL') || '|three_pt_attempts_per_game=' || COALESCE(CAST(CAST(three_pt_attempts_per_game AS DECIMAL(18, 1)) AS TEXT), 'NULL') || '|paint_rate_last_20=' || COALESCE(CAST(CAST(paint_rate_last_20 AS DECIMAL(18, 2)) AS TEXT), 'NULL') || '|paint_pct_last_20=' || COALESCE(CAST(CAST(paint_pct_last_20 AS DECIMAL(18, 3)) AS TEXT), 'NULL') || '|games_in_sample_20=' || COALESCE(CAST(games_in_sample_20 AS TEXT), 'NULL') || '|sample_quality_20=' || COALESCE(CAST(sample_quality_20 AS TEXT), 'NULL') || '|assisted_rate_last_10=' || COALESCE(CAST(CAST(assisted_rate_last_10 AS DECIMAL(18, 2)) AS TEXT), 'NULL') || '|unassisted_rate_last_10=' || COALESCE(CAST(CAST(unassisted_rate_last_10 AS DECIMAL(18, 2)) AS TEXT), 'NULL') || '|primary_scoring_zone=' || COALESCE(CAST(primary_scoring_zone AS TEXT), 'NULL') || '|data_quality_tier=' || COALESCE(CAST(data_quality_tier AS TEXT), 'NULL') || '|early_season_flag=' || COALESCE(CAST(early_season_flag AS TEXT), 'NULL')
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
