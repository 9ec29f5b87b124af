{# Rows, entities and newest row of an input, per date of a season. #}
SELECT game_date AS d, COUNT(*) AS n, COUNT(DISTINCT {{ table.entity }}) AS entities, {{ "MAX(processed_at)" if "processed_at" in table.by_name else "CAST(NULL AS TIMESTAMP)" }} AS newest
FROM {{ table }} WHERE {{ in_season }} GROUP BY d
