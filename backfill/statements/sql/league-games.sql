{# Each team's games: first and last date of the game's rows, and whether it certainly counts for the league average.

   A game counts only where nothing of it is unknown or bad, so that the windows may be taken to reach too far, never too short. #}
SELECT
  defending_team_abbr AS team,
  MIN(game_date) AS day,
  MAX(game_date) AS last,
  LOGICAL_AND(IFNULL({% for zone in zones %}{{ " AND " if not loop.first }}opp_{{ zone }}_attempts > 0 AND opp_{{ zone }}_makes IS NOT NULL{% endfor %}, FALSE) AND {{ impossible("TDGS") }} IS NULL) AS counts
FROM {{ t.TDGS }}
WHERE {{ in_season }}
GROUP BY defending_team_abbr, game_id
ORDER BY day
