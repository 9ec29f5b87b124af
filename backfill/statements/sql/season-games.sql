{# Every game of a season on the date that counts, played or to come, in order. #}
{% from "_schedule.sql" import counted_row with context %}
SELECT game_date, game_id, home_team_abbr, away_team_abbr, game_status = {{ final }} AS is_final
FROM {{ t.SCHED }}
WHERE {{ in_season }} AND season_type IN ({{ season_types }})
QUALIFY {{ counted_row() }}
ORDER BY game_date, game_id
