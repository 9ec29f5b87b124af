{# Rows and newest row of an input, per date of all seasons. #}
SELECT game_date AS d, COUNT(*) AS n, {{ "MAX(processed_at)" if "processed_at" in table.by_name else "CAST(NULL AS TIMESTAMP)" }} AS newest FROM {{ table }} GROUP BY d
