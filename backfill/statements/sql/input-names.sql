{# Players whose row of a game has no counterpart: a game without context (PGS), or a context without game (UPGC). Games that
   only one of both tables has are left out.

   `games` lists each game with its date. #}
WITH games AS (
  SELECT player_lookup, game_id, game_date, team_abbr, universal_player_id FROM {{ t.PGS }} WHERE {{ in_season }}
),
contexts AS (
  SELECT player_lookup, game_id, game_date, team_abbr, universal_player_id FROM {{ t.UPGC }} WHERE {{ in_season }}
),
alone AS (
  SELECT 'PGS' AS name, g.player_lookup, g.game_id, g.game_date, g.team_abbr, g.universal_player_id
  FROM games AS g LEFT JOIN contexts AS c ON c.player_lookup = g.player_lookup AND c.game_id = g.game_id
  WHERE c.player_lookup IS NULL AND g.game_id IN (SELECT game_id FROM contexts)
  UNION ALL
  SELECT 'UPGC' AS name, c.player_lookup, c.game_id, c.game_date, c.team_abbr, c.universal_player_id
  FROM contexts AS c LEFT JOIN games AS g ON g.player_lookup = c.player_lookup AND g.game_id = c.game_id
  WHERE g.player_lookup IS NULL AND c.game_id IN (SELECT game_id FROM games)
)
SELECT name, player_lookup AS player, MAX(team_abbr) AS team, MAX(universal_player_id) AS uid,
  ARRAY_AGG(DISTINCT CONCAT(CAST(game_date AS STRING), ' ', game_id)) AS games
FROM alone
{{ "WHERE " ~ only if only }}
GROUP BY name, player_lookup
ORDER BY player, name
