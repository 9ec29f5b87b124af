-- Rows of each of the five output tables per date.
SELECT analysis_date AS dt, 'TDZA' AS processor, COUNT(*) AS records
FROM nba_precompute.team_defense_zone_analysis
WHERE analysis_date BETWEEN @start AND @end
GROUP BY analysis_date
UNION ALL
SELECT analysis_date AS dt, 'PSZA' AS processor, COUNT(*) AS records
FROM nba_precompute.player_shot_zone_analysis
WHERE analysis_date BETWEEN @start AND @end
GROUP BY analysis_date
UNION ALL
SELECT game_date AS dt, 'PCF' AS processor, COUNT(*) AS records
FROM nba_precompute.player_composite_factors
WHERE game_date BETWEEN @start AND @end
GROUP BY game_date
UNION ALL
SELECT cache_date AS dt, 'PDC' AS processor, COUNT(*) AS records
FROM nba_precompute.player_daily_cache
WHERE cache_date BETWEEN @start AND @end
GROUP BY cache_date
UNION ALL
SELECT game_date AS dt, 'ML' AS processor, COUNT(*) AS records
FROM nba_predictions.ml_feature_store_v2
WHERE game_date BETWEEN @start AND @end
GROUP BY game_date
ORDER BY dt, processor
