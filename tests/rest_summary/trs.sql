{# TRS: one row per date and team with a game before it in the season. Sources: TDGS, and TDZA of the same date. #}
{% from "_macros.sql" import games, sequence, validity, within_epoch, too_few with context %}
{% set examined = "last_%d" % numbers.examined_games %}
{{ games("defense", "TDGS", "defending_team_abbr") }},
windows AS (
  SELECT
    defending_team_abbr AS team_abbr,
    game_date,
    {{ validity() }},
    COUNT(*) OVER season AS n,
    COUNT(*) OVER {{ examined }} AS n_examined,
    LAST_VALUE(impossible IGNORE NULLS) OVER {{ examined }} AS impossible,
    MAX(processed_at) OVER {{ examined }} AS last_updated
  FROM defense
  {{ sequence("defending_team_abbr") }}
),
recent AS (
  SELECT d AS recent_date, defending_team_abbr AS recent_team, COUNT(*) AS recent_games
  FROM UNNEST(@dates) AS d
  JOIN defense
    ON game_date < d AND game_date >= DATE_SUB(d, INTERVAL {{ numbers.recent_days }} DAY) AND {{ within_epoch() }}
  GROUP BY d, defending_team_abbr
),
matched AS (
  SELECT
    d, w.team_abbr, w.game_date, w.n, w.n_examined, w.impossible, w.last_updated,
    IFNULL(r.recent_games, 0) AS games_in_last_7_days,
    z.team_abbr IS NOT NULL AS has_defense,
    z.defensive_rating_last_15
  FROM UNNEST(@dates) AS d
  JOIN windows AS w ON d > w.shown_after AND d <= w.shown_until
  LEFT JOIN recent AS r ON r.recent_date = d AND r.recent_team = w.team_abbr
  LEFT JOIN {{ t.TDZA }} AS z ON z.analysis_date = d AND z.team_abbr = w.team_abbr
),
judged AS (
  SELECT
    *,
    CASE
      WHEN impossible IS NOT NULL THEN 'PROCESSING_ERROR'
      WHEN n < {{ numbers.required_games }} THEN 'INSUFFICIENT_DATA'
      WHEN NOT has_defense THEN 'MISSING_DEPENDENCY'
    END AS failure_category
  FROM matched
),
result AS (
  SELECT
    *,
    d AS analysis_date,
    DATE_DIFF(d, game_date, DAY) AS days_rest,
    last_updated AS source_team_defense_last_updated,
    n_examined AS source_team_defense_rows_found,
    CASE failure_category
      WHEN 'PROCESSING_ERROR' THEN impossible
      WHEN 'INSUFFICIENT_DATA' THEN {{ too_few("n", numbers.required_games) }}
      WHEN 'MISSING_DEPENDENCY' THEN 'no row for ' || CAST(d AS STRING) || ' in {{ t.TDZA }}'
    END AS failure_reason
  FROM judged
)
