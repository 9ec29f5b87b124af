{# The final games of a season with their two teams. #}
SELECT game_date, game_id, home_team_abbr, away_team_abbr
FROM {{ t.SCHED }}
WHERE {{ in_season }} AND game_status = {{ final }} AND season_type IN ({{ season_types }})
