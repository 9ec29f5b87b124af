-- Failures by processor and category, with retryable ones: `can_retry` depends only on the category; a retry does not always fix them.
SELECT
  processor_name,
  failure_category,
  COUNT(*) AS count,
  COUNTIF(can_retry) AS can_retry
FROM nba_processing.precompute_failures
WHERE analysis_date BETWEEN @start AND @end
GROUP BY processor_name, failure_category
ORDER BY processor_name, failure_category
