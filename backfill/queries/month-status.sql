-- First date, last date and number of dates with rows, for each of the five output tables.
WITH output_dates AS (
  SELECT 1 AS position, 'TDZA' AS proc, MIN(analysis_date) AS min_dt, MAX(analysis_date) AS max_dt, COUNT(DISTINCT analysis_date) AS dates
  FROM nba_precompute.team_defense_zone_analysis
  WHERE analysis_date BETWEEN @start AND @end
  UNION ALL
  SELECT 2, 'PSZA', MIN(analysis_date), MAX(analysis_date), COUNT(DISTINCT analysis_date)
  FROM nba_precompute.player_shot_zone_analysis
  WHERE analysis_date BETWEEN @start AND @end
  UNION ALL
  -- The table is partitioned by game_date; analysis_date would read all of it.
  SELECT 3, 'PCF', MIN(game_date), MAX(game_date), COUNT(DISTINCT game_date)
  FROM nba_precompute.player_composite_factors
  WHERE game_date BETWEEN @start AND @end
  UNION ALL
  SELECT 4, 'PDC', MIN(cache_date), MAX(cache_date), COUNT(DISTINCT cache_date)
  FROM nba_precompute.player_daily_cache
  WHERE cache_date BETWEEN @start AND @end
  UNION ALL
  SELECT 5, 'ML', MIN(game_date), MAX(game_date), COUNT(DISTINCT game_date)
  FROM nba_predictions.ml_feature_store_v2
  WHERE game_date BETWEEN @start AND @end
)
SELECT proc, min_dt, max_dt, dates
FROM output_dates
ORDER BY position
