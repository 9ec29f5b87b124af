{# Keys that occur more than once; each table with the condition on its dates. #}
{% for table, on_dates in conditions %}
SELECT '{{ table }}' AS name, {{ table.partition }} AS d, {% for key in table.key %}{{ ", " if not loop.first }}CAST({{ key }} AS STRING){% endfor %}, COUNT(*) AS n FROM {{ table }} WHERE {{ on_dates }} GROUP BY d, {{ table.key | join(", ") }} HAVING COUNT(*) > 1
{{ "UNION ALL" if not loop.last }}
{% endfor %}
