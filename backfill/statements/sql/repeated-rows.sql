{# Rows of one Phase 3 table that are about a game, player or team which an earlier row is about already.
   A postponed game is none: one of its rows in the schedule is not final. #}
SELECT game_date AS d, COUNT(*) AS n
FROM (
  SELECT game_date, ROW_NUMBER() OVER (PARTITION BY {{ table.key | join(", ") }} ORDER BY game_date) AS copy
  FROM {{ table }}
  WHERE {{ in_season }}{{ " AND game_status = %d" % final if table is sameas t.SCHED }}
)
WHERE copy > 1
GROUP BY d
