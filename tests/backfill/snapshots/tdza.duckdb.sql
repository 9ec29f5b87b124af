-- kept_19d549a22e6d
WITH defense_rows AS (
  SELECT
    *,
    MIN(game_date) OVER same_game < MAX(game_date) OVER same_game AS moved
  FROM nba_analytics.team_defense_game_summary
  WHERE
    game_date >= GETVARIABLE('season_start')
    AND game_date < (
      GETVARIABLE('season_start') + INTERVAL '1' YEAR
    )
  WINDOW same_game AS (PARTITION BY defending_team_abbr, game_id)
), defense_moves AS (
  SELECT DISTINCT
    defending_team_abbr,
    game_date
  FROM defense_rows
  WHERE
    moved
), defense_epochs AS (
  SELECT
    defending_team_abbr AS epoch_entity,
    game_date AS valid_after,
    LEAD(game_date) OVER (PARTITION BY defending_team_abbr ORDER BY game_date NULLS FIRST) AS valid_until
  FROM defense_moves
  UNION ALL
  SELECT
    defending_team_abbr,
    NULL,
    MIN(game_date)
  FROM defense_moves
  GROUP BY
    defending_team_abbr
), defense AS (
  SELECT
    *,
    'impossible value in nba_analytics.team_defense_game_summary, game_id ' || game_id || ': ' || CASE
      WHEN opp_paint_makes < 0
      THEN 'opp_paint_makes = ' || CAST(opp_paint_makes AS TEXT)
      WHEN opp_paint_attempts < 0
      THEN 'opp_paint_attempts = ' || CAST(opp_paint_attempts AS TEXT)
      WHEN opp_mid_range_makes < 0
      THEN 'opp_mid_range_makes = ' || CAST(opp_mid_range_makes AS TEXT)
      WHEN opp_mid_range_attempts < 0
      THEN 'opp_mid_range_attempts = ' || CAST(opp_mid_range_attempts AS TEXT)
      WHEN opp_three_pt_makes < 0
      THEN 'opp_three_pt_makes = ' || CAST(opp_three_pt_makes AS TEXT)
      WHEN opp_three_pt_attempts < 0
      THEN 'opp_three_pt_attempts = ' || CAST(opp_three_pt_attempts AS TEXT)
      WHEN points_in_paint_allowed < 0
      THEN 'points_in_paint_allowed = ' || CAST(points_in_paint_allowed AS TEXT)
      WHEN blocks_paint < 0
      THEN 'blocks_paint = ' || CAST(blocks_paint AS TEXT)
      WHEN blocks_mid_range < 0
      THEN 'blocks_mid_range = ' || CAST(blocks_mid_range AS TEXT)
      WHEN blocks_three_pt < 0
      THEN 'blocks_three_pt = ' || CAST(blocks_three_pt AS TEXT)
      WHEN points_allowed < 0
      THEN 'points_allowed = ' || CAST(points_allowed AS TEXT)
      WHEN defensive_rating < 0
      THEN 'defensive_rating = ' || CAST(CAST(defensive_rating AS DECIMAL(18, 2)) AS TEXT)
      WHEN opponent_pace < 0
      THEN 'opponent_pace = ' || CAST(CAST(opponent_pace AS DECIMAL(18, 1)) AS TEXT)
      WHEN opp_paint_makes > opp_paint_attempts
      THEN 'opp_paint_makes = ' || CAST(opp_paint_makes AS TEXT) || ' > opp_paint_attempts = ' || CAST(opp_paint_attempts AS TEXT)
      WHEN opp_mid_range_makes > opp_mid_range_attempts
      THEN 'opp_mid_range_makes = ' || CAST(opp_mid_range_makes AS TEXT) || ' > opp_mid_range_attempts = ' || CAST(opp_mid_range_attempts AS TEXT)
      WHEN opp_three_pt_makes > opp_three_pt_attempts
      THEN 'opp_three_pt_makes = ' || CAST(opp_three_pt_makes AS TEXT) || ' > opp_three_pt_attempts = ' || CAST(opp_three_pt_attempts AS TEXT)
    END AS impossible
  FROM defense_rows
  LEFT JOIN defense_epochs
    ON epoch_entity = defending_team_abbr
  WHERE
    NOT moved OR game_date <= valid_after
  QUALIFY
    ROW_NUMBER() OVER (
      PARTITION BY defending_team_abbr, valid_after, game_id
      ORDER BY processed_at DESC, game_id DESC, game_date DESC, season_year DESC, defending_team_abbr DESC, opponent_team_abbr DESC, home_game DESC, opp_paint_makes DESC, opp_paint_attempts DESC, opp_mid_range_makes DESC, opp_mid_range_attempts DESC, opp_three_pt_makes DESC, opp_three_pt_attempts DESC, points_in_paint_allowed DESC, blocks_paint DESC, blocks_mid_range DESC, blocks_three_pt DESC, points_allowed DESC, defensive_rating DESC, opponent_pace DESC
    ) = 1
)
SELECT
  *
FROM defense

-- kept_402b76c414b7
WITH defense_rows AS (
  SELECT
    *,
    MIN(game_date) OVER same_game < MAX(game_date) OVER same_game AS moved
  FROM nba_analytics.team_defense_game_summary
  WHERE
    game_date >= GETVARIABLE('season_start')
    AND game_date < (
      GETVARIABLE('season_start') + INTERVAL '1' YEAR
    )
  WINDOW same_game AS (PARTITION BY defending_team_abbr, game_id)
), defense_moves AS (
  SELECT DISTINCT
    defending_team_abbr,
    game_date
  FROM defense_rows
  WHERE
    moved
), defense_epochs AS (
  SELECT
    defending_team_abbr AS epoch_entity,
    game_date AS valid_after,
    LEAD(game_date) OVER (PARTITION BY defending_team_abbr ORDER BY game_date NULLS FIRST) AS valid_until
  FROM defense_moves
  UNION ALL
  SELECT
    defending_team_abbr,
    NULL,
    MIN(game_date)
  FROM defense_moves
  GROUP BY
    defending_team_abbr
), defense AS (
  SELECT
    *,
    'impossible value in nba_analytics.team_defense_game_summary, game_id ' || game_id || ': ' || CASE
      WHEN opp_paint_makes < 0
      THEN 'opp_paint_makes = ' || CAST(opp_paint_makes AS TEXT)
      WHEN opp_paint_attempts < 0
      THEN 'opp_paint_attempts = ' || CAST(opp_paint_attempts AS TEXT)
      WHEN opp_mid_range_makes < 0
      THEN 'opp_mid_range_makes = ' || CAST(opp_mid_range_makes AS TEXT)
      WHEN opp_mid_range_attempts < 0
      THEN 'opp_mid_range_attempts = ' || CAST(opp_mid_range_attempts AS TEXT)
      WHEN opp_three_pt_makes < 0
      THEN 'opp_three_pt_makes = ' || CAST(opp_three_pt_makes AS TEXT)
      WHEN opp_three_pt_attempts < 0
      THEN 'opp_three_pt_attempts = ' || CAST(opp_three_pt_attempts AS TEXT)
      WHEN points_in_paint_allowed < 0
      THEN 'points_in_paint_allowed = ' || CAST(points_in_paint_allowed AS TEXT)
      WHEN blocks_paint < 0
      THEN 'blocks_paint = ' || CAST(blocks_paint AS TEXT)
      WHEN blocks_mid_range < 0
      THEN 'blocks_mid_range = ' || CAST(blocks_mid_range AS TEXT)
      WHEN blocks_three_pt < 0
      THEN 'blocks_three_pt = ' || CAST(blocks_three_pt AS TEXT)
      WHEN points_allowed < 0
      THEN 'points_allowed = ' || CAST(points_allowed AS TEXT)
      WHEN defensive_rating < 0
      THEN 'defensive_rating = ' || CAST(CAST(defensive_rating AS DECIMAL(18, 2)) AS TEXT)
      WHEN opponent_pace < 0
      THEN 'opponent_pace = ' || CAST(CAST(opponent_pace AS DECIMAL(18, 1)) AS TEXT)
      WHEN opp_paint_makes > opp_paint_attempts
      THEN 'opp_paint_makes = ' || CAST(opp_paint_makes AS TEXT) || ' > opp_paint_attempts = ' || CAST(opp_paint_attempts AS TEXT)
      WHEN opp_mid_range_makes > opp_mid_range_attempts
      THEN 'opp_mid_range_makes = ' || CAST(opp_mid_range_makes AS TEXT) || ' > opp_mid_range_attempts = ' || CAST(opp_mid_range_attempts AS TEXT)
      WHEN opp_three_pt_makes > opp_three_pt_attempts
      THEN 'opp_three_pt_makes = ' || CAST(opp_three_pt_makes AS TEXT) || ' > opp_three_pt_attempts = ' || CAST(opp_three_pt_attempts AS TEXT)
    END AS impossible
  FROM defense_rows
  LEFT JOIN defense_epochs
    ON epoch_entity = defending_team_abbr
  WHERE
    NOT moved OR game_date <= valid_after
  QUALIFY
    ROW_NUMBER() OVER (
      PARTITION BY defending_team_abbr, valid_after, game_id
      ORDER BY processed_at DESC, game_id DESC, game_date DESC, season_year DESC, defending_team_abbr DESC, opponent_team_abbr DESC, home_game DESC, opp_paint_makes DESC, opp_paint_attempts DESC, opp_mid_range_makes DESC, opp_mid_range_attempts DESC, opp_three_pt_makes DESC, opp_three_pt_attempts DESC, points_in_paint_allowed DESC, blocks_paint DESC, blocks_mid_range DESC, blocks_three_pt DESC, points_allowed DESC, defensive_rating DESC, opponent_pace DESC
    ) = 1
), windows AS (
  SELECT
    defending_team_abbr AS team_abbr,
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
    COUNT(*) OVER last_15 AS n_15,
    LAST_VALUE(impossible IGNORE NULLS) OVER last_15 AS impossible,
    CAST(SUM(opp_paint_attempts) OVER last_15 AS BIGINT) AS paint_attempts,
    CAST(SUM(CASE WHEN opp_paint_attempts IS NULL THEN NULL ELSE opp_paint_makes END) OVER last_15 AS BIGINT) AS paint_makes,
    CAST(SUM(blocks_paint) OVER last_15 AS BIGINT) AS paint_blocks,
    CAST(SUM(opp_mid_range_attempts) OVER last_15 AS BIGINT) AS mid_range_attempts,
    CAST(SUM(CASE WHEN opp_mid_range_attempts IS NULL THEN NULL ELSE opp_mid_range_makes END) OVER last_15 AS BIGINT) AS mid_range_makes,
    CAST(SUM(blocks_mid_range) OVER last_15 AS BIGINT) AS mid_range_blocks,
    CAST(SUM(opp_three_pt_attempts) OVER last_15 AS BIGINT) AS three_pt_attempts,
    CAST(SUM(CASE WHEN opp_three_pt_attempts IS NULL THEN NULL ELSE opp_three_pt_makes END) OVER last_15 AS BIGINT) AS three_pt_makes,
    CAST(SUM(blocks_three_pt) OVER last_15 AS BIGINT) AS three_pt_blocks,
    CAST(SUM(points_in_paint_allowed) OVER last_15 AS BIGINT) AS paint_points,
    CAST(SUM(points_allowed) OVER last_15 AS BIGINT) AS points,
    SUM(defensive_rating) OVER last_15 AS ratings,
    COUNT(defensive_rating) OVER last_15 AS rated,
    SUM(opponent_pace) OVER last_15 AS paces,
    COUNT(opponent_pace) OVER last_15 AS paced,
    MAX(processed_at) OVER last_15 AS last_updated
  FROM defense
  WINDOW seq AS (
    PARTITION BY defending_team_abbr, valid_after
    ORDER BY game_date NULLS FIRST, game_id NULLS FIRST
  ), season AS (seq ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW), last_5 AS (seq ROWS BETWEEN 4 PRECEDING AND CURRENT ROW), last_10 AS (seq ROWS BETWEEN 9 PRECEDING AND CURRENT ROW), last_15 AS (seq ROWS BETWEEN 14 PRECEDING AND CURRENT ROW), last_20 AS (seq ROWS BETWEEN 19 PRECEDING AND CURRENT ROW)
), profiles AS (
  SELECT
    team_abbr,
    shown_after,
    shown_until,
    n,
    n_15,
    impossible,
    last_updated,
    CASE
      WHEN paint_attempts <> 0
      THEN CAST(paint_makes AS DECIMAL(38, 9)) / paint_attempts
      ELSE NULL
    END AS paint_pct,
    CAST(CASE WHEN n_15 <> 0 THEN CAST(paint_attempts AS DECIMAL(38, 9)) / n_15 ELSE NULL END AS DECIMAL(18, 1)) AS paint_attempts_allowed_per_game,
    CAST(CASE WHEN n_15 <> 0 THEN CAST(paint_blocks AS DECIMAL(38, 9)) / n_15 ELSE NULL END AS DECIMAL(18, 1)) AS paint_blocks_per_game,
    CASE
      WHEN mid_range_attempts <> 0
      THEN CAST(mid_range_makes AS DECIMAL(38, 9)) / mid_range_attempts
      ELSE NULL
    END AS mid_range_pct,
    CAST(CASE
      WHEN n_15 <> 0
      THEN CAST(mid_range_attempts AS DECIMAL(38, 9)) / n_15
      ELSE NULL
    END AS DECIMAL(18, 1)) AS mid_range_attempts_allowed_per_game,
    CAST(CASE
      WHEN n_15 <> 0
      THEN CAST(mid_range_blocks AS DECIMAL(38, 9)) / n_15
      ELSE NULL
    END AS DECIMAL(18, 1)) AS mid_range_blocks_per_game,
    CASE
      WHEN three_pt_attempts <> 0
      THEN CAST(three_pt_makes AS DECIMAL(38, 9)) / three_pt_attempts
      ELSE NULL
    END AS three_pt_pct,
    CAST(CASE
      WHEN n_15 <> 0
      THEN CAST(three_pt_attempts AS DECIMAL(38, 9)) / n_15
      ELSE NULL
    END AS DECIMAL(18, 1)) AS three_pt_attempts_allowed_per_game,
    CAST(CASE
      WHEN n_15 <> 0
      THEN CAST(three_pt_blocks AS DECIMAL(38, 9)) / n_15
      ELSE NULL
    END AS DECIMAL(18, 1)) AS three_pt_blocks_per_game,
    CAST(CASE WHEN n_15 <> 0 THEN CAST(paint_points AS DECIMAL(38, 9)) / n_15 ELSE NULL END AS DECIMAL(18, 1)) AS paint_points_allowed_per_game,
    CAST(CASE WHEN n_15 <> 0 THEN CAST(points AS DECIMAL(38, 9)) / n_15 ELSE NULL END AS DECIMAL(18, 1)) AS opponent_points_per_game,
    CAST(CASE WHEN rated <> 0 THEN CAST(ratings AS DECIMAL(38, 9)) / rated ELSE NULL END AS DECIMAL(18, 2)) AS defensive_rating_last_15,
    CAST(CASE WHEN paced <> 0 THEN CAST(paces AS DECIMAL(38, 9)) / paced ELSE NULL END AS DECIMAL(18, 1)) AS opponent_pace
  FROM windows
)
SELECT
  *
FROM profiles

WITH defense_rows AS (
  SELECT
    *,
    MIN(game_date) OVER same_game < MAX(game_date) OVER same_game AS moved
  FROM nba_analytics.team_defense_game_summary
  WHERE
    game_date >= GETVARIABLE('season_start')
    AND game_date < (
      GETVARIABLE('season_start') + INTERVAL '1' YEAR
    )
  WINDOW same_game AS (PARTITION BY defending_team_abbr, game_id)
), defense_moves AS (
  SELECT DISTINCT
    defending_team_abbr,
    game_date
  FROM defense_rows
  WHERE
    moved
), defense_epochs AS (
  SELECT
    defending_team_abbr AS epoch_entity,
    game_date AS valid_after,
    LEAD(game_date) OVER (PARTITION BY defending_team_abbr ORDER BY game_date NULLS FIRST) AS valid_until
  FROM defense_moves
  UNION ALL
  SELECT
    defending_team_abbr,
    NULL,
    MIN(game_date)
  FROM defense_moves
  GROUP BY
    defending_team_abbr
), defense AS (
  SELECT
    *
  FROM kept_19d549a22e6d
), windows AS (
  SELECT
    defending_team_abbr AS team_abbr,
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
    COUNT(*) OVER last_15 AS n_15,
    LAST_VALUE(impossible IGNORE NULLS) OVER last_15 AS impossible,
    CAST(SUM(opp_paint_attempts) OVER last_15 AS BIGINT) AS paint_attempts,
    CAST(SUM(CASE WHEN opp_paint_attempts IS NULL THEN NULL ELSE opp_paint_makes END) OVER last_15 AS BIGINT) AS paint_makes,
    CAST(SUM(blocks_paint) OVER last_15 AS BIGINT) AS paint_blocks,
    CAST(SUM(opp_mid_range_attempts) OVER last_15 AS BIGINT) AS mid_range_attempts,
    CAST(SUM(CASE WHEN opp_mid_range_attempts IS NULL THEN NULL ELSE opp_mid_range_makes END) OVER last_15 AS BIGINT) AS mid_range_makes,
    CAST(SUM(blocks_mid_range) OVER last_15 AS BIGINT) AS mid_range_blocks,
    CAST(SUM(opp_three_pt_attempts) OVER last_15 AS BIGINT) AS three_pt_attempts,
    CAST(SUM(CASE WHEN opp_three_pt_attempts IS NULL THEN NULL ELSE opp_three_pt_makes END) OVER last_15 AS BIGINT) AS three_pt_makes,
    CAST(SUM(blocks_three_pt) OVER last_15 AS BIGINT) AS three_pt_blocks,
    CAST(SUM(points_in_paint_allowed) OVER last_15 AS BIGINT) AS paint_points,
    CAST(SUM(points_allowed) OVER last_15 AS BIGINT) AS points,
    SUM(defensive_rating) OVER last_15 AS ratings,
    COUNT(defensive_rating) OVER last_15 AS rated,
    SUM(opponent_pace) OVER last_15 AS paces,
    COUNT(opponent_pace) OVER last_15 AS paced,
    MAX(processed_at) OVER last_15 AS last_updated
  FROM defense
  WINDOW seq AS (
    PARTITION BY defending_team_abbr, valid_after
    ORDER BY game_date NULLS FIRST, game_id NULLS FIRST
  ), season AS (seq ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW), last_5 AS (seq ROWS BETWEEN 4 PRECEDING AND CURRENT ROW), last_10 AS (seq ROWS BETWEEN 9 PRECEDING AND CURRENT ROW), last_15 AS (seq ROWS BETWEEN 14 PRECEDING AND CURRENT ROW), last_20 AS (seq ROWS BETWEEN 19 PRECEDING AND CURRENT ROW)
), profiles AS (
  SELECT
    *
  FROM kept_402b76c414b7
), league_sums AS (
  SELECT
    d,
    defending_team_abbr,
    COUNT_IF(game_date >= (
      d - INTERVAL '30' DAY
    )) AS recent_games,
    SUM(
      CASE
        WHEN game_date >= (
          d - INTERVAL '30' DAY
        )
        THEN opp_paint_attempts
        ELSE NULL
      END
    ) AS recent_paint_attempts,
    SUM(
      CASE
        WHEN game_date >= (
          d - INTERVAL '30' DAY
        ) AND NOT opp_paint_attempts IS NULL
        THEN opp_paint_makes
        ELSE NULL
      END
    ) AS recent_paint_makes,
    SUM(CASE WHEN TRUE THEN opp_paint_attempts ELSE NULL END) AS season_paint_attempts,
    SUM(
      CASE WHEN TRUE AND NOT opp_paint_attempts IS NULL THEN opp_paint_makes ELSE NULL END
    ) AS season_paint_makes,
    SUM(
      CASE
        WHEN game_date >= (
          d - INTERVAL '30' DAY
        )
        THEN opp_mid_range_attempts
        ELSE NULL
      END
    ) AS recent_mid_range_attempts,
    SUM(
      CASE
        WHEN game_date >= (
          d - INTERVAL '30' DAY
        ) AND NOT opp_mid_range_attempts IS NULL
        THEN opp_mid_range_makes
        ELSE NULL
      END
    ) AS recent_mid_range_makes,
    SUM(CASE WHEN TRUE THEN opp_mid_range_attempts ELSE NULL END) AS season_mid_range_attempts,
    SUM(
      CASE
        WHEN TRUE AND NOT opp_mid_range_attempts IS NULL
        THEN opp_mid_range_makes
        ELSE NULL
      END
    ) AS season_mid_range_makes,
    SUM(
      CASE
        WHEN game_date >= (
          d - INTERVAL '30' DAY
        )
        THEN opp_three_pt_attempts
        ELSE NULL
      END
    ) AS recent_three_pt_attempts,
    SUM(
      CASE
        WHEN game_date >= (
          d - INTERVAL '30' DAY
        ) AND NOT opp_three_pt_attempts IS NULL
        THEN opp_three_pt_makes
        ELSE NULL
      END
    ) AS recent_three_pt_makes,
    SUM(CASE WHEN TRUE THEN opp_three_pt_attempts ELSE NULL END) AS season_three_pt_attempts,
    SUM(
      CASE
        WHEN TRUE AND NOT opp_three_pt_attempts IS NULL
        THEN opp_three_pt_makes
        ELSE NULL
      END
    ) AS season_three_pt_makes
  FROM UNNEST(GETVARIABLE('dates')) AS _t0(d)
  JOIN defense
    ON game_date < d
    AND (
      valid_after IS NULL OR valid_after < d
    )
    AND (
      valid_until IS NULL OR valid_until >= d
    )
  WHERE
    impossible IS NULL
  GROUP BY
    d,
    defending_team_abbr
), league_shares AS (
  SELECT
    d,
    CASE
      WHEN recent_games >= 10
      THEN CASE
        WHEN recent_paint_attempts <> 0
        THEN CAST(recent_paint_makes AS DECIMAL(38, 9)) / recent_paint_attempts
        ELSE NULL
      END
      ELSE NULL
    END AS recent_paint_pct,
    CASE
      WHEN season_paint_attempts <> 0
      THEN CAST(season_paint_makes AS DECIMAL(38, 9)) / season_paint_attempts
      ELSE NULL
    END AS season_paint_pct,
    CASE
      WHEN recent_games >= 10
      THEN CASE
        WHEN recent_mid_range_attempts <> 0
        THEN CAST(recent_mid_range_makes AS DECIMAL(38, 9)) / recent_mid_range_attempts
        ELSE NULL
      END
      ELSE NULL
    END AS recent_mid_range_pct,
    CASE
      WHEN season_mid_range_attempts <> 0
      THEN CAST(season_mid_range_makes AS DECIMAL(38, 9)) / season_mid_range_attempts
      ELSE NULL
    END AS season_mid_range_pct,
    CASE
      WHEN recent_games >= 10
      THEN CASE
        WHEN recent_three_pt_attempts <> 0
        THEN CAST(recent_three_pt_makes AS DECIMAL(38, 9)) / recent_three_pt_attempts
        ELSE NULL
      END
      ELSE NULL
    END AS recent_three_pt_pct,
    CASE
      WHEN season_three_pt_attempts <> 0
      THEN CAST(season_three_pt_makes AS DECIMAL(38, 9)) / season_three_pt_attempts
      ELSE NULL
    END AS season_three_pt_pct
  FROM league_sums
), league_means AS (
  SELECT
    d,
    COUNT(recent_paint_pct) AS recent_paint_teams,
    SUM(recent_paint_pct) AS recent_paint_sum,
    COUNT(season_paint_pct) AS season_paint_teams,
    SUM(season_paint_pct) AS season_paint_sum,
    COUNT(recent_mid_range_pct) AS recent_mid_range_teams,
    SUM(recent_mid_range_pct) AS recent_mid_range_sum,
    COUNT(season_mid_range_pct) AS season_mid_range_teams,
    SUM(season_mid_range_pct) AS season_mid_range_sum,
    COUNT(recent_three_pt_pct) AS recent_three_pt_teams,
    SUM(recent_three_pt_pct) AS recent_three_pt_sum,
    COUNT(season_three_pt_pct) AS season_three_pt_teams,
    SUM(season_three_pt_pct) AS season_three_pt_sum
  FROM league_shares
  GROUP BY
    d
), league AS (
  SELECT
    d AS league_date,
    CASE
      WHEN recent_paint_teams >= 10
      THEN CASE
        WHEN recent_paint_teams <> 0
        THEN CAST(recent_paint_sum AS DECIMAL(38, 9)) / recent_paint_teams
        ELSE NULL
      END
      WHEN season_paint_teams >= 1
      THEN CASE
        WHEN season_paint_teams <> 0
        THEN CAST(season_paint_sum AS DECIMAL(38, 9)) / season_paint_teams
        ELSE NULL
      END
    END AS paint_league,
    CASE
      WHEN recent_paint_teams >= 10
      THEN NULL
      WHEN season_paint_teams >= 1
      THEN 'paint: season league average'
      ELSE 'paint: constant league average'
    END AS paint_note,
    CASE
      WHEN recent_mid_range_teams >= 10
      THEN CASE
        WHEN recent_mid_range_teams <> 0
        THEN CAST(recent_mid_range_sum AS DECIMAL(38, 9)) / recent_mid_range_teams
        ELSE NULL
      END
      WHEN season_mid_range_teams >= 1
      THEN CASE
        WHEN season_mid_range_teams <> 0
        THEN CAST(season_mid_range_sum AS DECIMAL(38, 9)) / season_mid_range_teams
        ELSE NULL
      END
    END AS mid_range_league,
    CASE
      WHEN recent_mid_range_teams >= 10
      THEN NULL
      WHEN season_mid_range_teams >= 1
      THEN 'mid_range: season league average'
      ELSE 'mid_range: constant league average'
    END AS mid_range_note,
    CASE
      WHEN recent_three_pt_teams >= 10
      THEN CASE
        WHEN recent_three_pt_teams <> 0
        THEN CAST(recent_three_pt_sum AS DECIMAL(38, 9)) / recent_three_pt_teams
        ELSE NULL
      END
      WHEN season_three_pt_teams >= 1
      THEN CASE
        WHEN season_three_pt_teams <> 0
        THEN CAST(season_three_pt_sum AS DECIMAL(38, 9)) / season_three_pt_teams
        ELSE NULL
      END
    END AS three_pt_league,
    CASE
      WHEN recent_three_pt_teams >= 10
      THEN NULL
      WHEN season_three_pt_teams >= 1
      THEN 'three_pt: season league average'
      ELSE 'three_pt: constant league average'
    END AS three_pt_note
  FROM league_means
), newest AS (
  SELECT
    *,
    (
      paint_pct - COALESCE(paint_league, CAST('0.580' AS DECIMAL(38, 9)))
    ) * 100 AS paint_vs,
    (
      mid_range_pct - COALESCE(mid_range_league, CAST('0.410' AS DECIMAL(38, 9)))
    ) * 100 AS mid_range_vs,
    (
      three_pt_pct - COALESCE(three_pt_league, CAST('0.355' AS DECIMAL(38, 9)))
    ) * 100 AS three_pt_vs
  FROM UNNEST(GETVARIABLE('dates')) AS _t1(d)
  JOIN profiles
    ON d > shown_after AND d <= shown_until
  LEFT JOIN league
    ON league_date = d
), asked AS (
  SELECT
    d,
    team_abbr AS entity,
    team_abbr AS team
  FROM newest
), team_schedule AS (
  SELECT
    d,
    team,
    game_id,
    MAX(game_date) AS game_date
  FROM UNNEST(GETVARIABLE('dates')) AS _t2(d)
  JOIN nba_reference.nba_schedule
    ON game_date >= GETVARIABLE('season_start') AND game_date < d
  CROSS JOIN UNNEST([home_team_abbr, away_team_abbr]) AS _t3(team)
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
  LEFT JOIN defense AS g
    ON g.defending_team_abbr = a.entity
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
      WHEN COALESCE(paint_vs, 1000) IS NULL
      OR COALESCE(mid_range_vs, 1000) IS NULL
      OR COALESCE(three_pt_vs, 1000) IS NULL
      THEN NULL
      ELSE LEAST(COALESCE(paint_vs, 1000), COALESCE(mid_range_vs, 1000), COALESCE(three_pt_vs, 1000))
    END AS lowest,
    CASE
      WHEN COALESCE(paint_vs, -1000) IS NULL
      OR COALESCE(mid_range_vs, -1000) IS NULL
      OR COALESCE(three_pt_vs, -1000) IS NULL
      THEN NULL
      ELSE GREATEST(
        COALESCE(paint_vs, -1000),
        COALESCE(mid_range_vs, -1000),
        COALESCE(three_pt_vs, -1000)
      )
    END AS highest,
    CASE
      WHEN NOT impossible IS NULL
      THEN 'PROCESSING_ERROR'
      WHEN n < 15
      THEN 'INSUFFICIENT_DATA'
      WHEN NOT incomplete_reason IS NULL
      THEN 'INCOMPLETE_DATA'
    END AS failure_category
  FROM newest
  LEFT JOIN incomplete
    ON incomplete_date = d AND incomplete_entity = team_abbr
), result AS (
  SELECT
    *,
    d AS analysis_date,
    ROUND(paint_pct, 3) AS paint_pct_allowed_last_15,
    CAST(CAST(paint_vs AS DECIMAL(38, 9)) AS DECIMAL(18, 2)) AS paint_defense_vs_league_avg,
    ROUND(mid_range_pct, 3) AS mid_range_pct_allowed_last_15,
    CAST(CAST(mid_range_vs AS DECIMAL(38, 9)) AS DECIMAL(18, 2)) AS mid_range_defense_vs_league_avg,
    ROUND(three_pt_pct, 3) AS three_pt_pct_allowed_last_15,
    CAST(CAST(three_pt_vs AS DECIMAL(38, 9)) AS DECIMAL(18, 2)) AS three_pt_defense_vs_league_avg,
    n_15 AS games_in_sample,
    CASE
      WHEN paint_vs = lowest
      THEN 'paint'
      WHEN mid_range_vs = lowest
      THEN 'mid_range'
      WHEN three_pt_vs = lowest
      THEN 'perimeter'
    END AS strongest_zone,
    CASE
      WHEN paint_vs = highest
      THEN 'paint'
      WHEN mid_range_vs = highest
      THEN 'mid_range'
      WHEN three_pt_vs = highest
      THEN 'perimeter'
    END AS weakest_zone,
    CASE WHEN n_15 >= 15 THEN 'high' WHEN n_15 >= 10 THEN 'medium' ELSE 'low' END AS data_quality_tier,
    NULLIF(
      ARRAY_TO_STRING(
        [
          CASE
            WHEN paint_pct IS NULL
            THEN 'paint: no attempts in sample'
            ELSE CASE
              WHEN league_date IS NULL
              THEN 'paint: constant league average'
              ELSE paint_note
            END
          END,
          CASE
            WHEN mid_range_pct IS NULL
            THEN 'mid_range: no attempts in sample'
            ELSE CASE
              WHEN league_date IS NULL
              THEN 'mid_range: constant league average'
              ELSE mid_range_note
            END
          END,
          CASE
            WHEN three_pt_pct IS NULL
            THEN 'three_pt: no attempts in sample'
            ELSE CASE
              WHEN league_date IS NULL
              THEN 'three_pt: constant league average'
              ELSE three_pt_note
            END
          END
        ],
        '; '
      ),
      ''
    ) AS calculation_notes,
    FALSE AS early_season_flag,
    last_updated AS source_team_defense_last_updated,
    n_15 AS source_team_defense_rows_found,
    CASE failure_category
      WHEN 'PROCESSING_ERROR'
      THEN impossible
      WHEN 'INSUFFICIENT_DATA'
      THEN CAST(n AS TEXT) || ' of 15 games before ' || CAST(d AS TEXT)
      WHEN 'INCOMPLETE_DATA'
      THEN incomplete_reason
    END AS failure_reason
  FROM judged
), framed AS (
  SELECT
    team_abbr,
    analysis_date,
    paint_pct_allowed_last_15,
    paint_attempts_allowed_per_game,
    paint_points_allowed_per_game,
    paint_blocks_per_game,
    paint_defense_vs_league_avg,
    mid_range_pct_allowed_last_15,
    mid_range_attempts_allowed_per_game,
    mid_range_blocks_per_game,
    mid_range_defense_vs_league_avg,
    three_pt_pct_allowed_last_15,
    three_pt_attempts_allowed_per_game,
    three_pt_blocks_per_game,
    three_pt_defense_vs_league_avg,
    defensive_rating_last_15,
    opponent_points_per_game,
    opponent_pace,
    games_in_sample,
    strongest_zone,
    weakest_zone,
    data_quality_tier,
    calculation_notes,
    early_season_flag,
    source_team_defense_last_updated,
    source_team_defense_rows_found,
    failure_category,
    SUBSTRING(failure_reason, 1, 1000) AS failure_reason,
    failure_category IN ('INSUFFICIENT_DATA', 'MISSING_DEPENDENCY', 'INCOMPLETE_DATA') AS can_retry,
    CASE
      WHEN failure_category IS NULL
      THEN SUBSTRING(
        SHA256(
          'team_abbr=' || COALESCE(CAST(team_abbr AS TEXT), 'NULL') || '|analysis_date=' || COALESCE(CAST(analysis_date AS TEXT), 'NULL') || '|paint_pct_allowed_last_15=' || COALESCE(CAST(CAST(paint_pct_allowed_last_15 AS DECIMAL(18, 3)) AS TEXT), 'NULL') || '|paint_attempts_allowed_per_game=' || COALESCE(CAST(CAST(paint_attempts_allowed_per_game AS DECIMAL(18, 1)) AS TEXT), 'NULL') || '|paint_points_allowed_per_game=' || COALESCE(CAST(CAST(paint_points_allowed_per_game AS DECIMAL(18, 1)) AS TEXT), 'NULL') || '|paint_blocks_per_game=' || COALESCE(CAST(CAST(paint_blocks_per_game AS DECIMAL(18, 1)) AS TEXT), 'NULL') || '|paint_defense_vs_league_avg=' || COALESCE(CAST(CAST(paint_defense_vs_league_avg AS DECIMAL(18, 2)) AS TEXT), 'NULL') || '|mid_range_pct_allowed_last_15=' || COALESCE(CAST(CAST(mid_range_pct_allowed_last_15 AS DECIMAL(18, 3)) AS TEXT), 'NULL') || '|mid_range_attempts_allowed_per_game=' || COALESCE(CAST(CAST(mid_range_attempts_allowed_per_game AS DECIMAL(18, 1)) AS TEXT), 'NULL') || '|mid_range_blocks_per_game=' || COALESCE(CAST(CAST(mid_range_blocks_per_game AS DECIMAL(18, 1)) AS TEXT), 'NULL') || '|mid_range_defense_vs_league_avg=' || COALESCE(CAST(CAST(mid_range_defense_vs_league_avg AS DECIMAL(18, 2)) AS TEXT), 'NULL') || '|three_pt_pct_allowed_last_15=' || COALESCE(CAST(CAST(three_pt_pct_allowed_last_15 AS DECIMAL(18, 3)) AS TEXT), 'NULL') || '|three_pt_attempts_allowed_per_game=' || COALESCE(CAST(CAST(three_pt_attempts_allowed_per_game AS DECIMAL(18, 1)) AS TEXT), 'NULL') || '|three_pt_blocks_per_game=' || COALESCE(CAST(CAST(three_pt_blocks_per_game AS DECIMAL(18, 1)) AS TEXT), 'NULL') || '|three_pt_defense_vs_league_avg=' || COALESCE(CAST(CAST(three_pt_defense_vs_league_avg AS DECIMAL(18, 2)) AS TEXT), 'NULL') || '|defensive_rating_last_15=' || COALESCE(CAST(CAST(defensive_rating_last_15 AS DECIMAL(18, 2)) AS TEXT), 'NULL') || '|opponent_points_per_game=' || COALESCE(CAST(CAST(opponent_points_per_game AS DECIMAL(18, 1)) AS TEXT), 'NULL') || '|opponent_pace=' || COALESCE(CAST(CAST(opponent_pace AS DECIMAL(18, 1)) AS TEXT), 'NULL') || '|games_in_sample=' || COALESCE(CAST(games_in_sample AS TEXT), 'NULL') || '|strongest_zone=' || COALESCE(CAST(strongest_zone AS TEXT), 'NULL') || '|weakest_zone=' || COALESCE(CAST(weakest_zone AS TEXT), 'NULL') || '|data_quality_tier=' || COALESCE(CAST(data_quality_tier AS TEXT), 'NULL') || '|calculation_notes=' || COALESCE(CAST(calculation_notes AS TEXT), 'NULL') || '|early_season_flag=' || COALESCE(CAST(early_season_flag AS TEXT), 'NULL')
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
