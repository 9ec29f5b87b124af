{# Team numbers of PDC and ML, recomputed from the games of the teams of these players. #}
{% from "_checks.sql" import float, rows_of_games, games_before, contexts with context %}
WITH
{{ contexts() }},
team_games AS (
  {{ rows_of_games("TOGS", "team_abbr", "pace, offensive_rating, win_flag") }}
),
asked AS (
  SELECT DISTINCT team_abbr AS entity, counted_date AS d
  FROM recounted_players
  JOIN contexts ON context_player = counted_player AND context_date = counted_date
),
games AS (
  {{ games_before("team_games", "asked") }}
)
SELECT
  entity AS counted_team, d AS team_date,
  AVG(IF(age <= {{ processors.PDC.numbers.team_games }}, {{ float("pace") }}, NULL)) AS team_pace,
  AVG(IF(age <= {{ processors.PDC.numbers.team_games }}, {{ float("offensive_rating") }}, NULL)) AS team_rating,
  IF(COUNT(win_flag) < {{ processors.ML.numbers.team_games }}, {{ processors.ML.numbers.win_share_default }}, COUNTIF(IFNULL(win_flag, FALSE)) / COUNT(win_flag)) AS win_share
FROM games
GROUP BY entity, d
