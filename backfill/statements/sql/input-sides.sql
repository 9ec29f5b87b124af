{# Differences between the schedule and the game tables, a row per table, game, date, team and opponent: rows that the
   schedule does not have, and teams of final games without rows. The newest row of each key counts.

   `days_apart`, `home` and `away` are of the game in the schedule that is nearest in time. #}
{% set window = "game_date >= DATE_SUB(@season_start, INTERVAL " ~ shift_days ~ " DAY) AND game_date < DATE_ADD(@season_start, INTERVAL 1 YEAR)" %}
WITH scheduled AS (
  SELECT game_id, game_date, home_team_abbr AS home, away_team_abbr AS away,
    game_status = {{ final }} AND season_type IN ({{ season_types }}) AS is_final
  FROM {{ t.SCHED }}
  WHERE {{ window }}
),
sides AS (
  SELECT game_id, game_date, home AS team, away AS opponent, is_final FROM scheduled
  UNION ALL
  SELECT game_id, game_date, away AS team, home AS opponent, is_final FROM scheduled
),
wanted AS (
  SELECT name, game_id, game_date, team, opponent, is_final FROM sides CROSS JOIN UNNEST([{% for table in inputs %}'{{ table.short }}'{{ ", " if not loop.last }}{% endfor %}]) AS name
),
held AS (
{% for table in inputs %}
  SELECT '{{ table.short }}' AS name, game_id, game_date, team, opponent, COUNT(*) AS n
  FROM (
    SELECT game_id, game_date, {{ dict(team_columns)[table.short] }} AS team, opponent_team_abbr AS opponent
    FROM {{ table }}
    WHERE {{ window }}
    QUALIFY ROW_NUMBER() OVER (PARTITION BY {{ table.key | join(", ") }} ORDER BY processed_at DESC) = 1
  )
  GROUP BY game_id, game_date, team, opponent
  {{ "UNION ALL" if not loop.last }}
{% endfor %}
),
compared AS (
  SELECT name, game_id, game_date, team, opponent, n, is_final
  FROM wanted FULL JOIN held USING (name, game_id, game_date, team, opponent)
),
filled AS (
  SELECT DISTINCT name, game_date FROM held
),
nearest AS (
  SELECT c.name, c.game_id, c.game_date, c.team, c.opponent, s.game_date AS day, s.home, s.away
  FROM compared AS c JOIN scheduled AS s ON s.game_id = c.game_id
  WHERE c.is_final IS NULL
  QUALIFY ROW_NUMBER() OVER (
    PARTITION BY c.name, c.game_id, c.game_date, c.team, c.opponent
    ORDER BY ABS(DATE_DIFF(c.game_date, s.game_date, DAY)), IF(s.is_final, 0, 1), s.game_date, s.home
  ) = 1
)
SELECT
  c.name, c.game_id, c.game_date, c.team, c.opponent,
  IFNULL(c.n, 0) AS n, c.n IS NULL AS is_missing, f.name IS NOT NULL AS is_filled, d.day, d.home, d.away
FROM compared AS c
LEFT JOIN filled AS f ON f.name = c.name AND f.game_date = c.game_date
LEFT JOIN nearest AS d ON d.name = c.name AND d.game_id = c.game_id AND d.game_date = c.game_date AND d.team = c.team AND d.opponent = c.opponent
WHERE (c.n IS NULL AND c.is_final) OR c.is_final IS NULL
{{ "AND (" ~ only ~ ")" if only }}
ORDER BY c.game_date, c.game_id, c.name, c.team
