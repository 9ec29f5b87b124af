{# Per date, how many players or teams each Phase 3 table has; one that is there twice counts once. #}
{% for table in inputs %}
SELECT '{{ table }}' AS name, game_date, COUNT(DISTINCT {{ table.entity }}) AS n FROM {{ table }} WHERE game_date BETWEEN @start AND @end GROUP BY game_date
{{ "UNION ALL" if not loop.last }}
{% endfor %}
