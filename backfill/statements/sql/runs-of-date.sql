{# The run history of a date, oldest first. #}
SELECT processor_name, output_table, status, run_id, records_created, records_failed
FROM {{ t.HISTORY }} WHERE data_date = @day ORDER BY started_at
