-- Failures by processor and category; `can_retry` counts the stored flag, which depends only on the category. It does not mean that a retry helps.
SELECT
  processor_name,
  failure_category,
  COUNT(*) AS count,
  COUNTIF(can_retry) AS can_retry
FROM nba_processing.precompute_failures
WHERE analysis_date BETWEEN @start AND @end
GROUP BY processor_name, failure_category
ORDER BY processor_name, failure_category
