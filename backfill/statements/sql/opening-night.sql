{# Opening night of a season; NULL when no regular game of it is final. #}
SELECT MIN(game_date) AS day FROM {{ t.SCHED }} WHERE {{ in_season }} AND game_status = {{ final }} AND season_type = 'regular'
