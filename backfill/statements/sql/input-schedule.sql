{# Contradictions within the schedule: a team that plays itself, a final game on two dates, a team with two final games on a date. #}
WITH final AS (
  SELECT game_id, game_date, home_team_abbr AS home, away_team_abbr AS away
  FROM {{ t.SCHED }}
  WHERE {{ in_season }} AND game_status = {{ final }} AND season_type IN ({{ season_types }})
),
sides AS (
  SELECT game_id, game_date, home AS team FROM final
  UNION ALL
  SELECT game_id, game_date, away AS team FROM final WHERE away <> home
),
repeated AS (
  SELECT 'two dates' AS what, game_id, CAST(NULL AS DATE) AS game_date, CAST(NULL AS STRING) AS team FROM sides GROUP BY game_id HAVING COUNT(DISTINCT game_date) > 1
  UNION ALL
  SELECT 'two games' AS what, CAST(NULL AS STRING) AS game_id, game_date, team FROM sides GROUP BY team, game_date HAVING COUNT(DISTINCT game_id) > 1
)
SELECT 'own team' AS what, game_id, game_date, home AS team FROM final WHERE home = away
UNION ALL
SELECT r.what, s.game_id, s.game_date, s.team
FROM sides AS s
JOIN repeated AS r ON IFNULL(r.game_id, s.game_id) = s.game_id AND IFNULL(r.game_date, s.game_date) = s.game_date AND IFNULL(r.team, s.team) = s.team
ORDER BY what, game_date, game_id, team
