-- Failure rate of each processor on each processing date: includes dates without failures; dates without a result show only a status.
-- One row per (date, processor). Status: processed, failed (the whole date), bootstrap, not processed; the last three have no rate.
-- Sources: the schedule, the failures, the output tables; outer joins keep dates that only one of them has.
WITH
season_starts AS (
  SELECT season_year, MIN(game_date) AS season_start
  FROM nba_reference.nba_schedule
  WHERE game_status = 3 AND season_type = 'regular'
  GROUP BY season_year
),
calendar AS (
  SELECT DISTINCT
    games.game_date AS dt,
    processor_name,
    DATE_DIFF(games.game_date, season_starts.season_start, DAY) AS day_index
  FROM nba_reference.nba_schedule AS games
  JOIN season_starts ON games.season_year = season_starts.season_year AND games.game_date >= season_starts.season_start
  CROSS JOIN UNNEST([
{% for p in processors.values() %}
    '{{ p.name }}'{{ "," if not loop.last }}
{% endfor %}
  ]) AS processor_name
  WHERE games.game_status = 3
    AND games.season_type IN ('regular', 'playoffs')
    AND games.game_date BETWEEN @start AND @end
),
failures AS (
  SELECT
    analysis_date AS dt,
    processor_name,
    -- A failure of the whole date is no entity: it belongs to no rate.
    COUNT(DISTINCT IF(entity_id = 'DATE_LEVEL', NULL, entity_id)) AS failed_players,
    COUNTIF(entity_id = 'DATE_LEVEL') AS failed_dates
  FROM nba_processing.precompute_failures
  WHERE analysis_date BETWEEN @start AND @end
  GROUP BY analysis_date, processor_name
),
successes AS (
{% for p in processors.values() %}
{% set day = p.output.partition %}
  SELECT {{ day }} AS dt, '{{ p.name }}' AS processor_name, COUNT(*) AS successful_records
  FROM {{ p.output }}
  WHERE {{ day }} BETWEEN @start AND @end
  GROUP BY {{ day }}
{% if not loop.last %}
  UNION ALL
{% endif %}
{% endfor %}
),
counted AS (
  SELECT
    dt,
    processor_name,
    day_index,
    COALESCE(failed_players, 0) AS failed_players,
    COALESCE(failed_dates, 0) AS failed_dates,
    COALESCE(successful_records, 0) AS successful_records
  FROM calendar
  FULL JOIN failures USING (dt, processor_name)
  FULL JOIN successes USING (dt, processor_name)
)
SELECT
  dt,
  processor_name,
  CASE
    WHEN failed_players + successful_records > 0 THEN 'processed'
    WHEN failed_dates > 0 THEN 'failed'
    WHEN day_index < 14 THEN 'bootstrap'
    ELSE 'not processed'
  END AS status,
  failed_players,
  successful_records,
  ROUND(SAFE_DIVIDE(CAST(100 * failed_players AS NUMERIC), CAST(failed_players + successful_records AS NUMERIC)), 1) AS failure_pct
FROM counted
ORDER BY dt, processor_name
