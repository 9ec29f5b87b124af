-- Failures by processor and category; `can_retry` counts the stored column, which only repeats the category and promises no cure.
SELECT
  processor_name,
  failure_category,
  COUNT(*) AS count,
  COUNTIF(can_retry) AS can_retry
FROM nba_processing.precompute_failures
WHERE analysis_date BETWEEN @start AND @end
GROUP BY processor_name, failure_category
ORDER BY processor_name, failure_category
