{# Rows and failures of each processor per date. #}
{% for p in processors %}
SELECT '{{ p.code }}' AS processor, {{ p.output.partition }} AS d, COUNT(*) AS n FROM {{ p.output }} WHERE {{ p.output.partition }} IN UNNEST(@dates) GROUP BY d
UNION ALL
SELECT '{{ p.code }}', analysis_date AS d, COUNT(*) FROM {{ t.FAILURES }} WHERE analysis_date IN UNNEST(@dates) AND processor_name = '{{ p.name }}' GROUP BY d
{{ "UNION ALL" if not loop.last }}
{% endfor %}
