-- Rows of player_shot_zone_analysis per date.
SELECT
  analysis_date AS dt,
  COUNT(*) AS records
FROM nba_precompute.player_shot_zone_analysis
WHERE analysis_date BETWEEN @start AND @end
GROUP BY analysis_date
ORDER BY dt
