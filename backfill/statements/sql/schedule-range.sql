{# First and last date of the schedule. #}
SELECT MIN(game_date) AS first, MAX(game_date) AS last FROM {{ t.SCHED }}
