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

-- kept_b6d864f0c9b9
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
    CAST(SUM(CASE WHEN points IS NULL THEN NULL ELSE ft_makes END) OVER last_10 AS BIGINT) AS free_throws,
    CAST(SUM(CASE WHEN ft_makes IS NULL THEN NULL ELSE points END) OVER last_10 AS BIGINT) AS free_throw_points
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
    CASE
      WHEN n >= 5
      THEN CASE
        WHEN points_5_count <> 0
        THEN CAST(points_5_sum AS DECIMAL(38, 9)) / points_5_count
        ELSE NULL
      END
      ELSE NULL
    END AS points_mean_5,
    CASE
      WHEN points_10_count <> 0
      THEN CAST(points_10_sum AS DECIMAL(38, 9)) / points_10_count
      ELSE NULL
    END AS points_mean_10,
    CASE
      WHEN points_season_count <> 0
      THEN CAST(points_season_sum AS DECIMAL(38, 9)) / points_season_count
      ELSE NULL
    END AS points_mean_season,
    CASE
      WHEN minutes_10_count <> 0
      THEN CAST(minutes_10_sum AS DECIMAL(38, 9)) / minutes_10_count
      ELSE NULL
    END AS minutes_mean_10,
    CASE
      WHEN minutes_season_count <> 0
      THEN CAST(minutes_season_sum AS DECIMAL(38, 9)) / minutes_season_count
      ELSE NULL
    END AS minutes_mean_season,
    CASE
      WHEN n >= 5
      THEN CASE
        WHEN 3 <> 0
        THEN CAST(points_1 + points_2 + points_3 AS DECIMAL(38, 9)) / 3
        ELSE NULL
      END - CASE WHEN 2 <> 0 THEN CAST(points_4 + points_5 AS DECIMAL(38, 9)) / 2 ELSE NULL END
      ELSE NULL
    END AS trend,
    CASE
      WHEN n >= 5
      THEN CASE
        WHEN CASE
          WHEN free_throw_points <> 0
          THEN CAST(free_throws AS DECIMAL(38, 9)) / free_throw_points
          ELSE NULL
        END IS NULL
        OR CAST('0.5' AS DECIMAL(38, 9)) IS NULL
        THEN NULL
        ELSE LEAST(
          CASE
            WHEN free_throw_points <> 0
            THEN CAST(free_throws AS DECIMAL(38, 9)) / free_throw_points
            ELSE NULL
          END,
          CAST('0.5' AS DECIMAL(38, 9))
        )
      END
      ELSE NULL
    END AS free_throw_share
  FROM windows
)
SELECT
  *
FROM profiles

-- kept_7ac270cfbda3
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
), team_profiles AS (
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
    COUNT(CASE WHEN win_flag THEN 1 ELSE NULL END) OVER season AS wins,
    COUNT(win_flag) OVER season AS decided
  FROM team_games
  WINDOW seq AS (
    PARTITION BY team_abbr, valid_after
    ORDER BY game_date NULLS FIRST, game_id NULLS FIRST
  ), season AS (seq ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW), last_5 AS (seq ROWS BETWEEN 4 PRECEDING AND CURRENT ROW), last_10 AS (seq ROWS BETWEEN 9 PRECEDING AND CURRENT ROW), last_15 AS (seq ROWS BETWEEN 14 PRECEDING AND CURRENT ROW), last_20 AS (seq ROWS BETWEEN 19 PRECEDING AND CURRENT ROW)
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
    CAST(SUM(CASE WHEN points IS NULL THEN NULL ELSE ft_makes END) OVER last_10 AS BIGINT) AS free_throws,
    CAST(SUM(CASE WHEN ft_makes IS NULL THEN NULL ELSE points END) OVER last_10 AS BIGINT) AS free_throw_points
  FROM played
  WINDOW seq AS (
    PARTITION BY player_lookup, valid_after
    ORDER BY game_date NULLS FIRST, game_id NULLS FIRST
  ), season AS (seq ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW), last_5 AS (seq ROWS BETWEEN 4 PRECEDING AND CURRENT ROW), last_10 AS (seq ROWS BETWEEN 9 PRECEDING AND CURRENT ROW), last_15 AS (seq ROWS BETWEEN 14 PRECEDING AND CURRENT ROW), last_20 AS (seq ROWS BETWEEN 19 PRECEDING AND CURRENT ROW)
), profiles AS (
  SELECT
    *
  FROM kept_b6d864f0c9b9
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
), team_profiles AS (
  SELECT
    *
  FROM kept_7ac270cfbda3
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
), logged AS (
  SELECT
    entity_id,
    analysis_date,
    MAX(
      CASE
        WHEN processor_name = 'PlayerShotZoneAnalysisProcessor'
        THEN failure_category
        ELSE NULL
      END
    ) AS PSZA_failure,
    MAX(
      CASE
        WHEN processor_name = 'PlayerCompositeFactorsProcessor'
        THEN failure_category
        ELSE NULL
      END
    ) AS PCF_failure,
    MAX(
      CASE
        WHEN processor_name = 'PlayerDailyCacheProcessor'
        THEN failure_category
        ELSE NULL
      END
    ) AS PDC_failure
  FROM nba_processing.precompute_failures
  JOIN UNNEST(GETVARIABLE('dates')) AS _t3(d)
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
    CAST(NULL AS DECIMAL(38, 9)) AS phase3_3,
    c.games_in_last_7_days AS phase4_4,
    CAST(NULL AS DECIMAL(38, 9)) AS phase3_4,
    f.fatigue_score AS phase4_5,
    CAST(NULL AS DECIMAL(38, 9)) AS phase3_5,
    f.shot_zone_mismatch_score AS phase4_6,
    CAST(NULL AS DECIMAL(38, 9)) AS phase3_6,
    f.pace_score AS phase4_7,
    CAST(NULL AS DECIMAL(38, 9)) AS phase3_7,
    f.usage_spike_score AS phase4_8,
    CAST(NULL AS DECIMAL(38, 9)) AS phase3_8,
    z.defensive_rating_last_15 AS phase4_13,
    CAST(NULL AS DECIMAL(38, 9)) AS phase3_13,
    z.opponent_pace AS phase4_14,
    CAST(NULL AS DECIMAL(38, 9)) AS phase3_14,
    CASE
      WHEN 100 <> 0
      THEN CAST(s.paint_rate_last_10 AS DECIMAL(38, 9)) / 100
      ELSE NULL
    END AS phase4_18,
    CAST(NULL AS DECIMAL(38, 9)) AS phase3_18,
    CASE
      WHEN 100 <> 0
      THEN CAST(s.mid_range_rate_last_10 AS DECIMAL(38, 9)) / 100
      ELSE NULL
    END AS phase4_19,
    CAST(NULL AS DECIMAL(38, 9)) AS phase3_19,
    CASE
      WHEN 100 <> 0
      THEN CAST(s.three_pt_rate_last_10 AS DECIMAL(38, 9)) / 100
      ELSE NULL
    END AS phase4_20,
    CAST(NULL AS DECIMAL(38, 9)) AS phase3_20,
    c.team_pace_last_10 AS phase4_22,
    CAST(NULL AS DECIMAL(38, 9)) AS phase3_22,
    c.team_off_rating_last_10 AS phase4_23,
    CAST(NULL AS DECIMAL(38, 9)) AS phase3_23,
    COALESCE(
      CASE
        WHEN CASE
          WHEN (
            x.days_rest - x.opponent_days_rest
          ) IS NULL OR -2 IS NULL
          THEN NULL
          ELSE GREATEST(x.days_rest - x.opponent_days_rest, -2)
        END IS NULL
        OR 2 IS NULL
        THEN NULL
        ELSE LEAST(
          CASE
            WHEN (
              x.days_rest - x.opponent_days_rest
            ) IS NULL OR -2 IS NULL
            THEN NULL
            ELSE GREATEST(x.days_rest - x.opponent_days_rest, -2)
          END,
          2
        )
      END,
      0
    ) AS rest_advantage,
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
    COALESCE(c.minutes_avg_last_10, g.minutes_mean_10) AS recent_minutes,
    g.minutes_mean_season,
    CASE WHEN x.home_game THEN 1 ELSE 0 END AS home_away,
    CASE WHEN x.back_to_back THEN 1 ELSE 0 END AS back_to_back,
    CASE WHEN LOWER(x.season_phase) = 'playoffs' THEN 1 ELSE 0 END AS playoff_game,
    COALESCE(g.free_throw_share, CAST('0.15' AS DECIMAL(38, 9))) AS pct_free_throw,
    CASE
      WHEN w.decided >= 5
      THEN CASE
        WHEN w.decided <> 0
        THEN CAST(w.wins AS DECIMAL(38, 9)) / w.decided
        ELSE NULL
      END
      ELSE CAST('0.5' AS DECIMAL(38, 9))
    END AS team_win_pct,
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
    CASE
      WHEN minutes_mean_season <> 0
      THEN CAST(recent_minutes - minutes_mean_season AS DECIMAL(38, 9)) / minutes_mean_season
      ELSE NULL
    END AS minutes_ratio
  FROM matched
), vectors AS (
  SELECT
    *
    EXCLUDE (back_to_back),
    CAST(CAST(COALESCE(phase4_0, phase3_0, 10.0) AS DECIMAL(38, 9)) AS DECIMAL(18, 6)) AS feature_0,
    CAST(CAST(COALESCE(phase4_1, phase3_1, 10.0) AS DECIMAL(38, 9)) AS DECIMAL(18, 6)) AS feature_1,
    CAST(CAST(COALESCE(phase4_2, phase3_2, 10.0) AS DECIMAL(38, 9)) AS DECIMAL(18, 6)) AS feature_2,
    CAST(CAST(COALESCE(phase4_3, phase3_3, 5.0) AS DECIMAL(38, 9)) AS DECIMAL(18, 6)) AS feature_3,
    CAST(CAST(COALESCE(phase4_4, phase3_4, 3.0) AS DECIMAL(38, 9)) AS DECIMAL(18, 6)) AS feature_4,
    CAST(CAST(COALESCE(phase4_5, phase3_5, 50.0) AS DECIMAL(38, 9)) AS DECIMAL(18, 6)) AS feature_5,
    CAST(CAST(COALESCE(phase4_6, phase3_6, 0.0) AS DECIMAL(38, 9)) AS DECIMAL(18, 6)) AS feature_6,
    CAST(CAST(COALESCE(phase4_7, phase3_7, 0.0) AS DECIMAL(38, 9)) AS DECIMAL(18, 6)) AS feature_7,
    CAST(CAST(COALESCE(phase4_8, phase3_8, 0.0) AS DECIMAL(38, 9)) AS DECIMAL(18, 6)) AS feature_8,
    CAST(CAST(COALESCE(phase4_13, phase3_13, 112.0) AS DECIMAL(38, 9)) AS DECIMAL(18, 6)) AS feature_13,
    CAST(CAST(COALESCE(phase4_14, phase3_14, 100.0) AS DECIMAL(38, 9)) AS DECIMAL(18, 6)) AS feature_14,
    CAST(CAST(COALESCE(phase4_18, phase3_18, 0.30) AS DECIMAL(38, 9)) AS DECIMAL(18, 6)) AS feature_18,
    CAST(CAST(COALESCE(phase4_19, phase3_19, 0.20) AS DECIMAL(38, 9)) AS DECIMAL(18, 6)) AS feature_19,
    CAST(CAST(COALESCE(phase4_20, phase3_20, 0.35) AS DECIMAL(38, 9)) AS DECIMAL(18, 6)) AS feature_20,
    CAST(CAST(COALESCE(phase4_22, phase3_22, 100.0) AS DECIMAL(38, 9)) AS DECIMAL(18, 6)) AS feature_22,
    CAST(CAST(COALESCE(phase4_23, phase3_23, 112.0) AS DECIMAL(38, 9)) AS DECIMAL(18, 6)) AS feature_23,
    CAST(CAST(rest_advantage AS DECIMAL(38, 9)) AS DECIMAL(18, 6)) AS feature_9,
    CAST(CAST(injury_risk AS DECIMAL(38, 9)) AS DECIMAL(18, 6)) AS feature_10,
    CAST(CAST(recent_trend AS DECIMAL(38, 9)) AS DECIMAL(18, 6)) AS feature_11,
    CAST(CAST(home_away AS DECIMAL(38, 9)) AS DECIMAL(18, 6)) AS feature_15,
    CAST(CAST(back_to_back AS DECIMAL(38, 9)) AS DECIMAL(18, 6)) AS feature_16,
    CAST(CAST(playoff_game AS DECIMAL(38, 9)) AS DECIMAL(18, 6)) AS feature_17,
    CAST(CAST(pct_free_throw AS DECIMAL(38, 9)) AS DECIMAL(18, 6)) AS feature_21,
    CAST(CAST(team_win_pct AS DECIMAL(38, 9)) AS DECIMAL(18, 6)) AS feature_24,
    CAST(CASE
      WHEN recent_minutes = 0
      THEN 0
      ELSE CASE
        WHEN minutes_ratio >= CAST('0.20' AS DECIMAL(38, 9))
        THEN 2
        WHEN minutes_ratio >= CAST('0.10' AS DECIMAL(38, 9))
        THEN 1
        WHEN minutes_ratio <= -CAST('0.20' AS DECIMAL(38, 9))
        THEN -2
        WHEN minutes_ratio <= -CAST('0.10' AS DECIMAL(38, 9))
        THEN -1
        ELSE 0
      END
    END AS DECIMAL(38, 9)) AS feature_12,
    CASE WHEN phase4_0 IS NULL THEN 0 ELSE 1 END + CASE WHEN phase4_1 IS NULL THEN 0 ELSE 1 END + CASE WHEN phase4_2 IS NULL THEN 0 ELSE 1 END + CASE WHEN phase4_3 IS NULL THEN 0 ELSE 1 END + CASE WHEN phase4_4 IS NULL THEN 0 ELSE 1 END + CASE WHEN phase4_5 IS NULL THEN 0 ELSE 1 END + CASE WHEN phase4_6 IS NULL THEN 0 ELSE 1 END + CASE WHEN phase4_7 IS NULL THEN 0 ELSE 1 END + CASE WHEN phase4_8 IS NULL THEN 0 ELSE 1 END + CASE WHEN phase4_13 IS NULL THEN 0 ELSE 1 END + CASE WHEN phase4_14 IS NULL THEN 0 ELSE 1 END + CASE WHEN phase4_18 IS NULL THEN 0 ELSE 1 END + CASE WHEN phase4_19 IS NULL THEN 0 ELSE 1 END + CASE WHEN phase4_20 IS NULL THEN 0 ELSE 1 END + CASE WHEN phase4_22 IS NULL THEN 0 ELSE 1 END + CASE WHEN phase4_23 IS NULL THEN 0 ELSE 1 END AS from_phase4,
    CASE WHEN phase4_0 IS NULL AND NOT phase3_0 IS NULL THEN 1 ELSE 0 END + CASE WHEN phase4_1 IS NULL AND NOT phase3_1 IS NULL THEN 1 ELSE 0 END + CASE WHEN phase4_2 IS NULL AND NOT phase3_2 IS NULL THEN 1 ELSE 0 END + CASE WHEN phase4_3 IS NULL AND NOT phase3_3 IS NULL THEN 1 ELSE 0 END + CASE WHEN phase4_4 IS NULL AND NOT phase3_4 IS NULL THEN 1 ELSE 0 END + CASE WHEN phase4_5 IS NULL AND NOT phase3_5 IS NULL THEN 1 ELSE 0 END + CASE WHEN phase4_6 IS NULL AND NOT phase3_6 IS NULL THEN 1 ELSE 0 END + CASE WHEN phase4_7 IS NULL AND NOT phase3_7 IS NULL THEN 1 ELSE 0 END + CASE WHEN phase4_8 IS NULL AND NOT phase3_8 IS NULL THEN 1 ELSE 0 END + CASE WHEN phase4_13 IS NULL AND NOT phase3_13 IS NULL THEN 1 ELSE 0 END + CASE WHEN phase4_14 IS NULL AND NOT phase3_14 IS NULL THEN 1 ELSE 0 END + CASE WHEN phase4_18 IS NULL AND NOT phase3_18 IS NULL THEN 1 ELSE 0 END + CASE WHEN phase4_19 IS NULL AND NOT phase3_19 IS NULL THEN 1 ELSE 0 END + CASE WHEN phase4_20 IS NULL AND NOT phase3_20 IS NULL THEN 1 ELSE 0 END + CASE WHEN phase4_22 IS NULL AND NOT phase3_22 IS NULL THEN 1 ELSE 0 END + CASE WHEN phase4_23 IS NULL AND NOT phase3_23 IS NULL THEN 1 ELSE 0 END AS from_phase3
  FROM changes
), scored AS (
  SELECT
    *,
    CAST(CASE
      WHEN 25 <> 0
      THEN CAST(825 + 100 * from_phase4 + 75 * from_phase3 + 40 * (
        16 - from_phase4 - from_phase3
      ) AS DECIMAL(38, 9)) / 25
      ELSE NULL
    END AS DECIMAL(18, 2)) AS feature_quality_score,
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
      CAST(feature_0 AS DOUBLE),
      CAST(feature_1 AS DOUBLE),
      CAST(feature_2 AS DOUBLE),
      CAST(feature_3 AS DOUBLE),
      CAST(feature_4 AS DOUBLE),
      CAST(feature_5 AS DOUBLE),
      CAST(feature_6 AS DOUBLE),
      CAST(feature_7 AS DOUBLE),
      CAST(feature_8 AS DOUBLE),
      CAST(feature_9 AS DOUBLE),
      CAST(feature_10 AS DOUBLE),
      CAST(feature_11 AS DOUBLE),
      CAST(feature_12 AS DOUBLE),
      CAST(feature_13 AS DOUBLE),
      CAST(feature_14 AS DOUBLE),
      CAST(feature_15 AS DOUBLE),
      CAST(feature_16 AS DOUBLE),
      CAST(feature_17 AS DOUBLE),
      CAST(feature_18 AS DOUBLE),
      CAST(feature_19 AS DOUBLE),
      CAST(feature_20 AS DOUBLE),
      CAST(feature_21 AS DOUBLE),
      CAST(feature_22 AS DOUBLE),
      CAST(feature_23 AS DOUBLE),
      CAST(feature_24 AS DOUBLE)
    ] AS features,
    CAST(CAST(feature_0 AS DECIMAL(18, 6)) AS TEXT) || ',' || CAST(CAST(feature_1 AS DECIMAL(18, 6)) AS TEXT) || ',' || CAST(CAST(feature_2 AS DECIMAL(18, 6)) AS TEXT) || ',' || CAST(CAST(feature_3 AS DECIMAL(18, 6)) AS TEXT) || ',' || CAST(CAST(feature_4 AS DECIMAL(18, 6)) AS TEXT) || ',' || CAST(CAST(feature_5 AS DECIMAL(18, 6)) AS TEXT) || ',' || CAST(CAST(feature_6 AS DECIMAL(18, 6)) AS TEXT) || ',' || CAST(CAST(feature_7 AS DECIMAL(18, 6)) AS TEXT) || ',' || CAST(CAST(feature_8 AS DECIMAL(18, 6)) AS TEXT) || ',' || CAST(CAST(feature_9 AS DECIMAL(18, 6)) AS TEXT) || ',' || CAST(CAST(feature_10 AS DECIMAL(18, 6)) AS TEXT) || ',' || CAST(CAST(feature_11 AS DECIMAL(18, 6)) AS TEXT) || ',' || CAST(CAST(feature_12 AS DECIMAL(18, 6)) AS TEXT) || ',' || CAST(CAST(feature_13 AS DECIMAL(18, 6)) AS TEXT) || ',' || CAST(CAST(feature_14 AS DECIMAL(18, 6)) AS TEXT) || ',' || CAST(CAST(feature_15 AS DECIMAL(18, 6)) AS TEXT) || ',' || CAST(CAST(feature_16 AS DECIMAL(18, 6)) AS TEXT) || ',' || CAST(CAST(feature_17 AS DECIMAL(18, 6)) AS TEXT) || ',' || CAST(CAST(feature_18 AS DECIMAL(18, 6)) AS TEXT) || ',' || CAST(CAST(feature_19 AS DECIMAL(18, 6)) AS TEXT) || ',' || CAST(CAST(feature_20 AS DECIMAL(18, 6)) AS TEXT) || ',' || CAST(CAST(feature_21 AS DECIMAL(18, 6)) AS TEXT) || ',' || CAST(CAST(feature_22 AS DECIMAL(18, 6)) AS TEXT) || ',' || CAST(CAST(feature_23 AS DECIMAL(18, 6)) AS TEXT) || ',' || CAST(CAST(feature_24 AS DECIMAL(18, 6)) AS TEXT) AS features_text,
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
    CASE WHEN daily_cache_updated IS NULL THEN 0 ELSE 1 END AS source_daily_cache_rows_found,
    composite_updated AS source_composite_last_updated,
    CASE WHEN composite_updated IS NULL THEN 0 ELSE 1 END AS source_composite_rows_found,
    shot_zones_updated AS source_shot_zones_last_updated,
    CASE WHEN shot_zones_updated IS NULL THEN 0 ELSE 1 END AS source_shot_zones_rows_found,
    team_defense_updated AS source_team_defense_last_updated,
    CASE WHEN team_defense_updated IS NULL THEN 0 ELSE 1 END AS source_team_defense_rows_found,
    CASE failure_category
      WHEN 'PROCESSING_ERROR'
      THEN impossible
      WHEN 'MISSING_DEPENDENCY'
      THEN 'no row for ' || CAST(d AS TEXT) || ' in ' || ARRAY_TO_STRING(
        [
          CASE WHEN has_PSZA THEN NULL ELSE 'nba_precompute.player_shot_zone_analysis' END,
          CASE WHEN has_PCF THEN NULL ELSE 'nba_precompute.player_composite_factors' END,
          CASE WHEN has_PDC THEN NULL ELSE 'nba_precompute.player_daily_cache' END
        ],
        ', '
      ) || COALESCE(
        ' (' || NULLIF(
          ARRAY_TO_STRING(
            [
              CASE WHEN has_PSZA THEN NULL ELSE 'PSZA: ' || PSZA_failure END,
              CASE WHEN has_PCF THEN NULL ELSE 'PCF: ' || PCF_failure END,
              CASE WHEN has_PDC THEN NULL ELSE 'PDC: ' || PDC_failure END
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
    SUBSTRING(failure_reason, 1, 1000) AS failure_reason,
    failure_category IN ('INSUFFICIENT_DATA', 'MISSING_DEPENDENCY', 'INCOMPLETE_DATA') AS can_retry,
    CASE
      WHEN failure_category IS NULL
      THEN SUBSTRING(
        SHA256(
          'player_lookup=' || COALESCE(CAST(player_lookup AS TEXT), 'NULL') || '|universal_player_id=' || COALESCE(CAST(universal_player_id AS TEXT), 'NULL') || '|game_date=' || COALESCE(CAST(game_date AS TEXT), 'NULL') || '|game_id=' || COALESCE(CAST(game_id AS TEXT), 'NULL') || '|features=' || features_text || '|feature_names=' || feature_names_text || '|feature_count=' || COALESCE(CAST(feature_count AS TEXT), 'NULL') || '|feature_version=' || COALESCE(CAST(feature_version AS TEXT), 'NULL') || '|feature_quality_score=' || COALESCE(CAST(CAST(feature_quality_score AS DECIMAL(18, 2)) AS TEXT), 'NULL') || '|quality_tier=' || COALESCE(CAST(quality_tier AS TEXT), 'NULL') || '|opponent_team_abbr=' || COALESCE(CAST(opponent_team_abbr AS TEXT), 'NULL') || '|is_home=' || COALESCE(CAST(is_home AS TEXT), 'NULL') || '|days_rest=' || COALESCE(CAST(days_rest AS TEXT), 'NULL') || '|data_source=' || COALESCE(CAST(data_source AS TEXT), 'NULL') || '|early_season_flag=' || COALESCE(CAST(early_season_flag AS TEXT), 'NULL')
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
