{# The first and last scheduled date of each season. #}
SELECT season_year AS year, MIN(game_date) AS first, MAX(game_date) AS last FROM {{ t.SCHED }} GROUP BY year
