{# Every game of the schedule, as far as the calendar needs it. #}
SELECT game_date, season_year, game_status, season_type FROM {{ t.SCHED }}
