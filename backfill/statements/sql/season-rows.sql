{# All rows of a season of an input. #}
SELECT * FROM {{ table }} WHERE {{ in_season }}
