-- Failures by processor and category: counts only.
SELECT
  processor_name,
  failure_category,
  COUNT(*) AS count
FROM nba_processing.precompute_failures
WHERE analysis_date BETWEEN @start AND @end
GROUP BY processor_name, failure_category
ORDER BY processor_name, failure_category
