-- Runs of the Phase 4 processors, newest first.
SELECT
  processor_name,
  status,
  records_created,
  duration_seconds,
  data_date,
  records_failed,
  started_at,
  run_id,
  error
FROM nba_reference.processor_run_history
WHERE data_date BETWEEN @start AND @end
  AND phase = 'phase_4_precompute'
ORDER BY started_at DESC, data_date DESC, processor_name
