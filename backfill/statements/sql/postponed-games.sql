{# Games that the schedule lists on several dates, at most one of them final. #}
SELECT game_id, MAX(season_year) AS season_year, ARRAY_AGG(DISTINCT game_date ORDER BY game_date) AS dates
FROM {{ t.SCHED }}
GROUP BY game_id
HAVING COUNT(DISTINCT game_date) > 1 AND COUNTIF(game_status = {{ final }}) < 2
