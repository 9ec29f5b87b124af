{# Failed entities of the staged dates, per processor, date and category. #}
SELECT processor_name, analysis_date, failure_category, ARRAY_AGG(entity_id) AS entities
FROM judged_failures
GROUP BY processor_name, analysis_date, failure_category
