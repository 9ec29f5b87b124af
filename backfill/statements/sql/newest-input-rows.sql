{# When the newest row of each date was processed, per Phase 3 source. #}
{% for table in sources %}
SELECT '{{ table }}' AS name, game_date, MAX(processed_at) AS newest FROM {{ table }} WHERE game_date BETWEEN @first AND @last GROUP BY game_date
{{ "UNION ALL" if not loop.last }}
{% endfor %}
