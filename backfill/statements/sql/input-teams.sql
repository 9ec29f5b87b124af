{# Abbreviations of teams in each table, the opponents included. #}
SELECT DISTINCT 'SCHED' AS name, home_team_abbr AS team FROM {{ t.SCHED }} WHERE {{ in_season }}
UNION DISTINCT
SELECT DISTINCT 'SCHED' AS name, away_team_abbr AS team FROM {{ t.SCHED }} WHERE {{ in_season }}
{% for table in inputs %}
{% for column in (dict(team_columns)[table.short], "opponent_team_abbr") %}
UNION DISTINCT
SELECT DISTINCT '{{ table.short }}' AS name, {{ column }} AS team FROM {{ table }} WHERE {{ in_season }}
{% endfor %}
{% endfor %}
ORDER BY name, team
