{# Impossible source rows of some entities; each table with the condition on its dates. Team rows are those of the players' teams. #}
{% for table, on_dates in sources %}
SELECT '{{ table }}' AS name, {{ table.entity }} AS entity, game_date, game_id, {{ impossible(table.short) }} AS reason
FROM {{ table }} WHERE {{ table.entity }} IN ({% if table is sameas t.TOGS %}SELECT team_abbr FROM {{ t.UPGC }} WHERE game_date = DATE '{{ day }}' AND {{ t.UPGC.entity }} IN ({{ names }}){% else %}{{ names }}{% endif %}) AND {{ on_dates }} AND {{ impossible(table.short) }} IS NOT NULL
{{ "UNION ALL" if not loop.last else "ORDER BY game_date DESC, entity" }}
{% endfor %}
