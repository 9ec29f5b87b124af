{# Rows that processors wrote, and when; each processor with the condition on its dates. #}
{% for p, on_dates in conditions %}
SELECT '{{ p.code }}' AS processor, {{ p.output.partition }} AS d, COUNT(*) AS n, MAX(processed_at) AS written_at FROM {{ p.output }} WHERE {{ on_dates }} GROUP BY d
{{ "UNION ALL" if not loop.last }}
{% endfor %}
