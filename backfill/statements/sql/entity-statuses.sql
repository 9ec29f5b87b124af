{# Rows and failures of some processors on some dates, of one entity alone where `is_one`. #}
{% for p in processors %}
SELECT '{{ p.name }}' AS processor_name, {{ p.output.partition }} AS d, {{ p.output.entity }} AS entity, CAST(NULL AS STRING) AS failure_category, CAST(NULL AS STRING) AS failure_reason, FALSE AS can_retry
FROM {{ p.output }}
WHERE {{ p.output.partition }} IN UNNEST(@dates){{ " AND " ~ p.output.entity ~ " = @entity" if is_one }}
UNION ALL
{% endfor %}
SELECT processor_name, analysis_date AS d, entity_id AS entity, failure_category, failure_reason, can_retry
FROM {{ t.FAILURES }}
WHERE analysis_date IN UNNEST(@dates) AND processor_name IN ({% for p in processors %}{{ ", " if not loop.first }}'{{ p.name }}'{% endfor %}){{ " AND entity_id = @entity" if is_one }}
