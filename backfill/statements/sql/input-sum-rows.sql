{# Teams of games whose values of a number differ, with the players who have a context and no row, and whether a row is impossible. #}
{% include "_sums.sql" %},
absent AS (
  SELECT c.game_id, c.team_abbr AS offense, COUNT(*) AS n, MIN(c.player_lookup) AS player
  FROM {{ t.UPGC }} AS c
  LEFT JOIN (SELECT DISTINCT player_lookup, game_id FROM {{ t.PGS }} WHERE {{ in_season }}) AS g
    ON g.player_lookup = c.player_lookup AND g.game_id = c.game_id
  WHERE c.game_date >= @season_start AND c.game_date < DATE_ADD(@season_start, INTERVAL 1 YEAR) AND g.player_lookup IS NULL
  GROUP BY c.game_id, c.team_abbr
),
nights AS (
  SELECT game_date, SAFE_DIVIDE(AVG(players), (SELECT AVG(players) FROM sides)) AS share_of_players FROM sides GROUP BY game_date
),
bad AS (
  SELECT game_id, team_abbr AS offense FROM {{ t.PGS }} WHERE {{ in_season }} AND {{ impossible("PGS") }} IS NOT NULL
  UNION DISTINCT
  SELECT game_id, opponent_team_abbr AS offense FROM {{ t.TDGS }} WHERE {{ in_season }} AND {{ impossible("TDGS") }} IS NOT NULL
)
SELECT s.*, n.share_of_players, IFNULL(a.n, 0) AS absent, a.player AS absent_player, b.game_id IS NOT NULL AS is_bad
FROM sides AS s
JOIN nights AS n ON n.game_date = s.game_date
LEFT JOIN absent AS a ON a.game_id = s.game_id AND a.offense = s.offense
LEFT JOIN bad AS b ON b.game_id = s.game_id AND b.offense = s.offense
WHERE {{ "(" if only }}{% for sum in sums %}IFNULL(left_{{ loop.index0 }} <> right_{{ loop.index0 }}, FALSE){{ " OR " if not loop.last }}{% endfor %}{{ ") AND (" ~ only ~ ")" if only }}

ORDER BY s.game_date, s.game_id, s.defense
