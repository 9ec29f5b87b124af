{# Rows of one Phase 3 table that are about a game, player or team which an earlier row is about already. #}
SELECT game_date AS d, COUNT(*) AS n
FROM (
  SELECT game_date, ROW_NUMBER() OVER (PARTITION BY {{ table.key | join(", ") }} ORDER BY game_date) AS copy
  FROM {{ table }}
  WHERE {{ in_season }}
)
WHERE copy > 1
GROUP BY d
