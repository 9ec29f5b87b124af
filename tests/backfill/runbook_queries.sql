SELECT processor_name, failure_category, COUNT(*) FROM nba_processing.precompute_failures WHERE analysis_date BETWEEN "2021-11-01" AND "2021-11-30" GROUP BY 1,2

-- next statement

SELECT
  DATE(analysis_date) as dt,
  COUNT(*) as records
FROM nba_precompute.player_shot_zone_analysis
WHERE DATE(analysis_date) BETWEEN "2021-11-01" AND "2021-11-30"
GROUP BY 1
ORDER BY 1

-- next statement

SELECT
  DATE(analysis_date) as dt,
  "PSZA" as processor,
  COUNT(*) as records
FROM nba_precompute.player_shot_zone_analysis
WHERE DATE(analysis_date) BETWEEN "2021-11-01" AND "2021-11-30"
GROUP BY 1, 2
UNION ALL
SELECT
  DATE(analysis_date) as dt,
  "PCF" as processor,
  COUNT(*) as records
FROM nba_precompute.player_composite_factors
WHERE DATE(analysis_date) BETWEEN "2021-11-01" AND "2021-11-30"
GROUP BY 1, 2
ORDER BY 1, 2

-- next statement

SELECT
  processor_name,
  failure_category,
  COUNT(*) as count,
  COUNTIF(can_retry) as retryable
FROM nba_processing.precompute_failures
WHERE analysis_date BETWEEN "2021-11-01" AND "2021-11-30"
GROUP BY 1, 2
ORDER BY 1, 2

-- next statement

-- Calculate failure rate by date
WITH failures AS (
  SELECT
    DATE(analysis_date) as dt,
    COUNT(DISTINCT entity_id) as failed_players
  FROM nba_processing.precompute_failures
  WHERE processor_name = 'PlayerShotZoneAnalysisProcessor'
    AND analysis_date BETWEEN '2021-11-01' AND '2021-11-30'
  GROUP BY 1
),
successes AS (
  SELECT
    DATE(analysis_date) as dt,
    COUNT(*) as successful_records
  FROM nba_precompute.player_shot_zone_analysis
  WHERE DATE(analysis_date) BETWEEN '2021-11-01' AND '2021-11-30'
  GROUP BY 1
)
SELECT
  f.dt,
  f.failed_players,
  s.successful_records,
  ROUND(f.failed_players * 100.0 / (f.failed_players + s.successful_records), 1) as failure_pct
FROM failures f
JOIN successes s ON f.dt = s.dt
ORDER BY f.dt;

-- next statement

-- All Phase 4 tables status for a month
SELECT
  'TDZA' as proc, MIN(DATE(analysis_date)) as min_dt, MAX(DATE(analysis_date)) as max_dt, COUNT(DISTINCT DATE(analysis_date)) as dates
FROM nba_precompute.team_defense_zone_analysis WHERE DATE(analysis_date) BETWEEN '2021-11-01' AND '2021-11-30'
UNION ALL
SELECT 'PSZA', MIN(DATE(analysis_date)), MAX(DATE(analysis_date)), COUNT(DISTINCT DATE(analysis_date))
FROM nba_precompute.player_shot_zone_analysis WHERE DATE(analysis_date) BETWEEN '2021-11-01' AND '2021-11-30'
UNION ALL
SELECT 'PCF', MIN(DATE(analysis_date)), MAX(DATE(analysis_date)), COUNT(DISTINCT DATE(analysis_date))
FROM nba_precompute.player_composite_factors WHERE DATE(analysis_date) BETWEEN '2021-11-01' AND '2021-11-30'
UNION ALL
SELECT 'PDC', MIN(DATE(cache_date)), MAX(DATE(cache_date)), COUNT(DISTINCT DATE(cache_date))
FROM nba_precompute.player_daily_cache WHERE DATE(cache_date) BETWEEN '2021-11-01' AND '2021-11-30'
UNION ALL
SELECT 'ML', MIN(DATE(game_date)), MAX(DATE(game_date)), COUNT(DISTINCT DATE(game_date))
FROM nba_predictions.ml_feature_store_v2 WHERE DATE(game_date) BETWEEN '2021-11-01' AND '2021-11-30';

-- next statement

-- Find retryable failures
SELECT
  processor_name,
  failure_category,
  COUNT(*) as count
FROM nba_processing.precompute_failures
WHERE analysis_date BETWEEN '2021-11-01' AND '2021-11-30'
  AND can_retry = true
  AND failure_category NOT IN ('INSUFFICIENT_DATA')  -- Skip expected failures
GROUP BY 1, 2;

-- next statement

SELECT processor_name, status, records_created, duration_seconds FROM nba_reference.processor_run_history WHERE data_date = "2021-11-22" AND phase = "phase_4_precompute" ORDER BY started_at DESC LIMIT 10
