{# The run history of a finding's dates and processors. #}
SELECT data_date, processor_name, status, records_created, records_failed, duration_seconds, started_at, error
FROM {{ t.HISTORY }}
WHERE {{ on_dates }}
  AND processor_name IN ({{ names }})
ORDER BY data_date, processor_name, started_at
