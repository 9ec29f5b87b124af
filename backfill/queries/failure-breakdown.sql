-- Failures by processor and category, and how many of them may be retried.
SELECT
  processor_name,
  failure_category,
  COUNT(*) AS count,
  COUNTIF(can_retry) AS retryable
FROM nba_processing.precompute_failures
WHERE analysis_date BETWEEN @start AND @end
GROUP BY processor_name, failure_category
ORDER BY processor_name, failure_category
