{# The failures of a finding's dates and processors, by reason. #}
SELECT analysis_date, processor_name, failure_category, failure_reason, COUNT(*) AS entities
FROM {{ t.FAILURES }}
WHERE {{ on_dates }}
  AND processor_name IN ({{ names }})
GROUP BY analysis_date, processor_name, failure_category, failure_reason
ORDER BY analysis_date, processor_name, entities DESC
