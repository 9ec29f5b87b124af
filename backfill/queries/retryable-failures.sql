-- Failures with `can_retry`, except those with too few games. A retry does not fix failures that follow from too few games upstream: see `retry --dry-run`.
SELECT
  processor_name,
  failure_category,
  COUNT(*) AS count
FROM nba_processing.precompute_failures
WHERE analysis_date BETWEEN @start AND @end
  AND can_retry
  AND failure_category <> 'INSUFFICIENT_DATA'
GROUP BY processor_name, failure_category
ORDER BY processor_name, failure_category
