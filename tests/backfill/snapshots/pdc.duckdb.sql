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

-- kept_4bd648cb77a6
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
    CAST(SUM(points) OVER last_10 AS BIGINT) AS points,
    CAST(SUM(points * points) OVER last_10 AS BIGINT) AS squares,
    COUNT(points) OVER last_10 AS scored,
    CAST(SUM(fg_makes) OVER last_10 AS BIGINT) AS fg_makes,
    CAST(SUM(CASE WHEN fg_makes IS NULL THEN NULL ELSE assisted_fg_makes END) OVER last_10 AS BIGINT) AS assisted
  FROM played
  WINDOW seq AS (
    PARTITION BY player_lookup, valid_after
    ORDER BY game_date NULLS FIRST, game_id NULLS FIRST
  ), season AS (seq ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW), last_5 AS (seq ROWS BETWEEN 4 PRECEDING AND CURRENT ROW), last_10 AS (seq ROWS BETWEEN 9 PRECEDING AND CURRENT ROW), last_15 AS (seq ROWS BETWEEN 14 PRECEDING AND CURRENT ROW), last_20 AS (seq ROWS BETWEEN 19 PRECEDING AND CURRENT ROW)
), profiles AS (
  SELECT
    player_lookup,
    shown_after,
    shown_until,
    n,
    impossible,
    last_updated,
    CAST(CASE
      WHEN points_avg_last_5_count <> 0
      THEN CAST(points_avg_last_5_sum AS DECIMAL(38, 9)) / points_avg_last_5_count
      ELSE NULL
    END AS DECIMAL(18, 1)) AS points_avg_last_5,
    CAST(CASE
      WHEN points_avg_last_10_count <> 0
      THEN CAST(points_avg_last_10_sum AS DECIMAL(38, 9)) / points_avg_last_10_count
      ELSE NULL
    END AS DECIMAL(18, 1)) AS points_avg_last_10,
    CAST(CASE
      WHEN points_avg_season_count <> 0
      THEN CAST(points_avg_season_sum AS DECIMAL(38, 9)) / points_avg_season_count
      ELSE NULL
    END AS DECIMAL(18, 1)) AS points_avg_season,
    CAST(CASE
      WHEN minutes_avg_last_10_count <> 0
      THEN CAST(minutes_avg_last_10_sum AS DECIMAL(38, 9)) / minutes_avg_last_10_count
      ELSE NULL
    END AS DECIMAL(18, 1)) AS minutes_avg_last_10,
    CAST(CASE
      WHEN usage_rate_last_10_count <> 0
      THEN CAST(usage_rate_last_10_sum AS DECIMAL(38, 9)) / usage_rate_last_10_count
      ELSE NULL
    END AS DECIMAL(18, 2)) AS usage_rate_last_10,
    CAST(CASE
      WHEN player_usage_rate_season_count <> 0
      THEN CAST(player_usage_rate_season_sum AS DECIMAL(38, 9)) / player_usage_rate_season_count
      ELSE NULL
    END AS DECIMAL(18, 2)) AS player_usage_rate_season,
    CAST(CASE
      WHEN ts_pct_last_10_count <> 0
      THEN CAST(ts_pct_last_10_sum AS DECIMAL(38, 9)) / ts_pct_last_10_count
      ELSE NULL
    END AS DECIMAL(18, 3)) AS ts_pct_last_10,
    CAST(CAST(SQRT(
      CAST(CASE
        WHEN (
          scored * (
            scored - 1
          )
        ) <> 0
        THEN CAST(scored * squares - points * points AS DECIMAL(38, 9)) / (
          scored * (
            scored - 1
          )
        )
        ELSE NULL
      END AS DOUBLE)
    ) AS DECIMAL(38, 9)) AS DECIMAL(18, 2)) AS points_std_last_10,
    CAST(CASE
      WHEN fg_makes <> 0
      THEN CAST(assisted AS DECIMAL(38, 9)) / fg_makes
      ELSE NULL
    END AS DECIMAL(18, 2)) AS assisted_rate_last_10
  FROM windows
)
SELECT
  *
FROM profiles

-- kept_9c6524aeb682
WITH team_games_rows AS (
  SELECT
    *,
    MIN(game_date) OVER same_game < MAX(game_date) OVER same_game AS moved
  FROM nba_analytics.team_offense_game_summary
  WHERE
    game_date >= GETVARIABLE('season_start')
    AND game_date < (
      GETVARIABLE('season_start') + INTERVAL '1' YEAR
    )
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
    LEAD(game_date) OVER (PARTITION BY team_abbr ORDER BY game_date NULLS FIRST) AS valid_until
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
      THEN 'points_scored = ' || CAST(points_scored AS TEXT)
      WHEN pace < 0
      THEN 'pace = ' || CAST(CAST(pace AS DECIMAL(18, 1)) AS TEXT)
      WHEN offensive_rating < 0
      THEN 'offensive_rating = ' || CAST(CAST(offensive_rating AS DECIMAL(18, 2)) AS TEXT)
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
    COUNT(*) OVER last_10 AS n_10,
    LAST_VALUE(impossible IGNORE NULLS) OVER last_10 AS impossible,
    MAX(processed_at) OVER last_10 AS last_updated,
    SUM(pace) OVER last_10 AS team_pace_last_10_sum,
    COUNT(pace) OVER last_10 AS team_pace_last_10_count,
    SUM(offensive_rating) OVER last_10 AS team_off_rating_last_10_sum,
    COUNT(offensive_rating) OVER last_10 AS team_off_rating_last_10_count
  FROM team_games
  WINDOW seq AS (
    PARTITION BY team_abbr, valid_after
    ORDER BY game_date NULLS FIRST, game_id NULLS FIRST
  ), season AS (seq ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW), last_5 AS (seq ROWS BETWEEN 4 PRECEDING AND CURRENT ROW), last_10 AS (seq ROWS BETWEEN 9 PRECEDING AND CURRENT ROW), last_15 AS (seq ROWS BETWEEN 14 PRECEDING AND CURRENT ROW), last_20 AS (seq ROWS BETWEEN 19 PRECEDING AND CURRENT ROW)
), team_profiles AS (
  SELECT
    team_abbr,
    shown_after,
    shown_until,
    n_10,
    impossible,
    last_updated,
    CAST(CASE
      WHEN team_pace_last_10_count <> 0
      THEN CAST(team_pace_last_10_sum AS DECIMAL(38, 9)) / team_pace_last_10_count
      ELSE NULL
    END AS DECIMAL(18, 1)) AS team_pace_last_10,
    CAST(CASE
      WHEN team_off_rating_last_10_count <> 0
      THEN CAST(team_off_rating_last_10_sum AS DECIMAL(38, 9)) / team_off_rating_last_10_count
      ELSE NULL
    END AS DECIMAL(18, 2)) AS team_off_rating_last_10
  FROM team_windows
)
SELECT
  *
FROM team_profiles

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
), games_rows AS (
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
    CAST(SUM(points) OVER last_10 AS BIGINT) AS points,
    CAST(SUM(points * points) OVER last_10 AS BIGINT) AS squares,
    COUNT(points) OVER last_10 AS scored,
    CAST(SUM(fg_makes) OVER last_10 AS BIGINT) AS fg_makes,
    CAST(SUM(CASE WHEN fg_makes IS NULL THEN NULL ELSE assisted_fg_makes END) OVER last_10 AS BIGINT) AS assisted
  FROM played
  WINDOW seq AS (
    PARTITION BY player_lookup, valid_after
    ORDER BY game_date NULLS FIRST, game_id NULLS FIRST
  ), season AS (seq ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW), last_5 AS (seq ROWS BETWEEN 4 PRECEDING AND CURRENT ROW), last_10 AS (seq ROWS BETWEEN 9 PRECEDING AND CURRENT ROW), last_15 AS (seq ROWS BETWEEN 14 PRECEDING AND CURRENT ROW), last_20 AS (seq ROWS BETWEEN 19 PRECEDING AND CURRENT ROW)
), profiles AS (
  SELECT
    *
  FROM kept_4bd648cb77a6
), team_games_rows AS (
  SELECT
    *,
    MIN(game_date) OVER same_game < MAX(game_date) OVER same_game AS moved
  FROM nba_analytics.team_offense_game_summary
  WHERE
    game_date >= GETVARIABLE('season_start')
    AND game_date < (
      GETVARIABLE('season_start') + INTERVAL '1' YEAR
    )
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
    LEAD(game_date) OVER (PARTITION BY team_abbr ORDER BY game_date NULLS FIRST) AS valid_until
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
      THEN 'points_scored = ' || CAST(points_scored AS TEXT)
      WHEN pace < 0
      THEN 'pace = ' || CAST(CAST(pace AS DECIMAL(18, 1)) AS TEXT)
      WHEN offensive_rating < 0
      THEN 'offensive_rating = ' || CAST(CAST(offensive_rating AS DECIMAL(18, 2)) AS TEXT)
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
    COUNT(*) OVER last_10 AS n_10,
    LAST_VALUE(impossible IGNORE NULLS) OVER last_10 AS impossible,
    MAX(processed_at) OVER last_10 AS last_updated,
    SUM(pace) OVER last_10 AS team_pace_last_10_sum,
    COUNT(pace) OVER last_10 AS team_pace_last_10_count,
    SUM(offensive_rating) OVER last_10 AS team_off_rating_last_10_sum,
    COUNT(offensive_rating) OVER last_10 AS team_off_rating_last_10_count
  FROM team_games
  WINDOW seq AS (
    PARTITION BY team_abbr, valid_after
    ORDER BY game_date NULLS FIRST, game_id NULLS FIRST
  ), season AS (seq ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW), last_5 AS (seq ROWS BETWEEN 4 PRECEDING AND CURRENT ROW), last_10 AS (seq ROWS BETWEEN 9 PRECEDING AND CURRENT ROW), last_15 AS (seq ROWS BETWEEN 14 PRECEDING AND CURRENT ROW), last_20 AS (seq ROWS BETWEEN 19 PRECEDING AND CURRENT ROW)
), team_profiles AS (
  SELECT
    *
  FROM kept_9c6524aeb682
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
), matched AS (
  SELECT
    c.*,
    COALESCE(p.n, 0) AS n,
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
    COALESCE(team.n_10, 0) AS team_n,
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
    CASE WHEN n < 10 THEN CAST(n AS TEXT) || ' of 10 games' ELSE NULL END AS insufficient_data_reason,
    has_shots AS shot_zone_data_available,
    'v1' AS cache_version,
    last_updated AS source_player_game_last_updated,
    n AS source_player_game_rows_found,
    team_updated AS source_team_offense_last_updated,
    team_n AS source_team_offense_rows_found,
    processed_at AS source_upcoming_context_last_updated,
    1 AS source_upcoming_context_rows_found,
    shots_updated AS source_shot_zone_last_updated,
    CASE WHEN has_shots THEN 1 ELSE 0 END AS source_shot_zone_rows_found,
    CASE failure_category
      WHEN 'PROCESSING_ERROR'
      THEN impossible
      WHEN 'INSUFFICIENT_DATA'
      THEN CAST(n AS TEXT) || ' of 5 games before ' || CAST(d AS TEXT)
      WHEN 'MISSING_DEPENDENCY'
      THEN 'no row for ' || CAST(d AS TEXT) || ' in nba_precompute.player_shot_zone_analysis' || COALESCE(' (PSZA: ' || upstream_failure || ')', '')
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
    SUBSTRING(failure_reason, 1, 1000) AS failure_reason,
    failure_category IN ('INSUFFICIENT_DATA', 'MISSING_DEPENDENCY', 'INCOMPLETE_DATA') AS can_retry,
    CASE
      WHEN failure_category IS NULL
      THEN SUBSTRING(
        SHA256(
          'player_lookup=' || COALESCE(CAST(player_lookup AS TEXT), 'NULL') || '|universal_player_id=' || COALESCE(CAST(universal_player_id AS TEXT), 'NULL') || '|cache_date=' || COALESCE(CAST(cache_date AS TEXT), 'NULL') || '|points_avg_last_5=' || COALESCE(CAST(CAST(points_avg_last_5 AS DECIMAL(18, 1)) AS TEXT), 'NULL') || '|points_avg_last_10=' || COALESCE(CAST(CAST(points_avg_last_10 AS DECIMAL(18, 1)) AS TEXT), 'NULL') || '|points_avg_season=' || COALESCE(CAST(CAST(points_avg_season AS DECIMAL(18, 1)) AS TEXT), 'NULL') || '|points_std_last_10=' || COALESCE(CAST(CAST(points_std_last_10 AS DECIMAL(18, 2)) AS TEXT), 'NULL') || '|minutes_avg_last_10=' || COALESCE(CAST(CAST(minutes_avg_last_10 AS DECIMAL(18, 1)) AS TEXT), 'NULL') || '|usage_rate_last_10=' || COALESCE(CAST(CAST(usage_rate_last_10 AS DECIMAL(18, 2)) AS TEXT), 'NULL') || '|ts_pct_last_10=' || COALESCE(CAST(CAST(ts_pct_last_10 AS DECIMAL(18, 3)) AS TEXT), 'NULL') || '|games_played_season=' || COALESCE(CAST(games_played_season AS TEXT), 'NULL') || '|team_pace_last_10=' || COALESCE(CAST(CAST(team_pace_last_10 AS DECIMAL(18, 1)) AS TEXT), 'NULL') || '|team_off_rating_last_10=' || COALESCE(CAST(CAST(team_off_rating_last_10 AS DECIMAL(18, 2)) AS TEXT), 'NULL') || '|player_usage_rate_season=' || COALESCE(CAST(CAST(player_usage_rate_season AS DECIMAL(18, 2)) AS TEXT), 'NULL') || '|games_in_last_7_days=' || COALESCE(CAST(games_in_last_7_days AS TEXT), 'NULL') || '|games_in_last_14_days=' || COALESCE(CAST(games_in_last_14_days AS TEXT), 'NULL') || '|minutes_in_last_7_days=' || COALESCE(CAST(minutes_in_last_7_days AS TEXT), 'NULL') || '|minutes_in_last_14_days=' || COALESCE(CAST(minutes_in_last_14_days AS TEXT), 'NULL') || '|back_to_backs_last_14_days=' || COALESCE(CAST(back_to_backs_last_14_days AS TEXT), 'NULL') || '|avg_minutes_per_game_last_7=' || COALESCE(CAST(CAST(avg_minutes_per_game_last_7 AS DECIMAL(18, 1)) AS TEXT), 'NULL') || '|fourth_quarter_minutes_last_7=' || COALESCE(CAST(fourth_quarter_minutes_last_7 AS TEXT), 'NULL') || '|primary_scoring_zone=' || COALESCE(CAST(primary_scoring_zone AS TEXT), 'NULL') || '|paint_rate_last_10=' || COALESCE(CAST(CAST(paint_rate_last_10 AS DECIMAL(18, 2)) AS TEXT), 'NULL') || '|three_pt_rate_last_10=' || COALESCE(CAST(CAST(three_pt_rate_last_10 AS DECIMAL(18, 2)) AS TEXT), 'NULL') || '|assisted_rate_last_10=' || COALESCE(CAST(CAST(assisted_rate_last_10 AS DECIMAL(18, 2)) AS TEXT), 'NULL') || '|player_age=' || COALESCE(CAST(player_age AS TEXT), 'NULL') || '|early_season_flag=' || COALESCE(CAST(early_season_flag AS TEXT), 'NULL') || '|insufficient_data_reason=' || COALESCE(CAST(insufficient_data_reason AS TEXT), 'NULL') || '|shot_zone_data_available=' || COALESCE(CAST(shot_zone_data_available AS TEXT), 'NULL') || '|cache_version=' || COALESCE(CAST(cache_version AS TEXT), 'NULL')
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
