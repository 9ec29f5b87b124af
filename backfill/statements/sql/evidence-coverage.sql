{# Rows of every Phase 3 table beside the games, on a finding's dates. #}
{% for table in inputs %}
SELECT game_date, '{{ table }}' AS name, COUNT(*) AS n FROM {{ table }} WHERE {{ on_dates }} GROUP BY game_date
{{ "UNION ALL" if not loop.last else "ORDER BY game_date, name" }}
{% endfor %}
