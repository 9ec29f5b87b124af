{# All rows of a season of an input; the warehouse narrows it to the season. #}
SELECT * FROM {{ table }} WHERE @season_start IS NOT NULL
