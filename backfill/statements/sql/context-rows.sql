{# The context row of each player and date of a season, and whether it holds an impossible value. #}
SELECT game_date, player_lookup, team_abbr, {{ impossible("UPGC") }} IS NOT NULL AS is_bad
FROM {{ t.UPGC }}
WHERE {{ in_season }}
QUALIFY ROW_NUMBER() OVER (
  PARTITION BY player_lookup, game_date ORDER BY processed_at DESC, game_id DESC, {{ newest_first("UPGC") }}
) = 1
