{# Player rows of possible values whose zones contradict their field goals: more attempts or makes in the zones than in all; all attempts in zones,
   but other makes; and the rows of teams whose zones lack many attempts of a game. The newest row of each key counts. #}
WITH newest AS (
  SELECT game_date, game_id, team_abbr, player_lookup, fg_attempts, fg_makes, {{ impossible("PGS") }} AS reason,
    {% for zone in zones %}IFNULL({{ zone }}_attempts, 0){{ " + " if not loop.last }}{% endfor %} AS zone_attempts,
    {% for zone in zones %}IFNULL({{ zone }}_makes, 0){{ " + " if not loop.last }}{% endfor %} AS zone_makes,
    {% for zone in zones %}{{ zone }}_attempts IS NOT NULL AND {{ zone }}_makes IS NOT NULL{{ " AND " if not loop.last }}{% endfor %} AS is_whole
  FROM {{ t.PGS }}
  WHERE {{ in_season }}
  QUALIFY ROW_NUMBER() OVER (PARTITION BY player_lookup, game_id ORDER BY processed_at DESC) = 1
),
short AS (
  SELECT game_id, team_abbr
  FROM newest
  WHERE is_whole AND fg_attempts IS NOT NULL
  GROUP BY game_id, team_abbr
  HAVING SUM(fg_attempts) - SUM(zone_attempts) >= {{ fewest_missing }} AND SUM(zone_attempts) < {{ least_share }} * SUM(fg_attempts)
)
SELECT n.game_date, n.game_id, n.team_abbr AS team, n.player_lookup AS player, n.fg_attempts, n.zone_attempts, n.fg_makes, n.zone_makes
FROM newest AS n LEFT JOIN short AS s ON s.game_id = n.game_id AND s.team_abbr = n.team_abbr
WHERE (n.zone_attempts > n.fg_attempts OR n.zone_makes > n.fg_makes
    OR (n.is_whole AND n.zone_attempts = n.fg_attempts AND n.zone_makes <> n.fg_makes)
    OR (s.game_id IS NOT NULL AND n.zone_attempts < n.fg_attempts))
  AND n.reason IS NULL
  {{ "AND (" ~ only ~ ")" if only }}
ORDER BY n.game_date, n.game_id, n.player_lookup
