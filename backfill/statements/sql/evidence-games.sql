{# The rows of some games in the schedule. #}
SELECT * FROM {{ t.SCHED }} WHERE game_id IN ({{ games }}) ORDER BY game_id, game_date
