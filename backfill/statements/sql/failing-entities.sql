{# Failed entities of a processor over some dates, by category. #}
SELECT entity_id AS entity, failure_category AS category, COUNT(DISTINCT analysis_date) AS failures, MIN(analysis_date) AS first, MAX(analysis_date) AS last
FROM {{ t.FAILURES }}
WHERE analysis_date IN UNNEST(@dates) AND processor_name = @processor AND entity_id <> @whole_date
GROUP BY entity_id, failure_category
