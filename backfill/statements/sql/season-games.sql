{# Every game of a season, played or to come, in order. #}
SELECT game_date, game_id, home_team_abbr, away_team_abbr, game_status = {{ final }} AS is_final
FROM {{ t.SCHED }}
WHERE {{ in_season }} AND season_type IN ({{ season_types }})
ORDER BY game_date, game_id
