{# The players of a season with name and newest team; one who has not played is in the context rows alone, without a name. #}
SELECT entity, MAX(name) AS name, ARRAY_AGG(team ORDER BY game_date DESC, team)[SAFE_OFFSET(0)] AS team
FROM (
  SELECT player_lookup AS entity, player_full_name AS name, team_abbr AS team, game_date FROM {{ t.PGS }} WHERE {{ in_season }}
  UNION ALL
  SELECT player_lookup, NULL, team_abbr, game_date FROM {{ t.UPGC }} WHERE {{ in_season }}
)
GROUP BY entity
