{# What the warehouse holds after a write, per date: rows, distinct keys, and failures by category. #}
SELECT {{ processor.output.partition }} AS date, CAST(NULL AS STRING) AS category, COUNT(*) AS n,
  COUNT(DISTINCT {{ processor.output.entity }}) AS entities
FROM {{ processor.output }}
JOIN UNNEST(@dates) AS d ON {{ processor.output.partition }} = d
GROUP BY date
UNION ALL
SELECT analysis_date, failure_category, COUNT(*), COUNT(DISTINCT entity_id)
FROM {{ t.FAILURES }}
JOIN UNNEST(@dates) AS d ON analysis_date = d
WHERE processor_name = '{{ processor.name }}' AND entity_id <> '{{ date_level }}'
GROUP BY analysis_date, failure_category
