{# Numbers of PSZA, PDC and ML recomputed from the newest games of a sample of players and dates.

   All rows of a single date; of many dates a stable sample by row hash. Recomputing every row of a season would take as
   long as the processors themselves. #}
{% from "_checks.sql" import float, rows_of_games, games_before with context %}
{% set short, sample = processors.PDC.numbers.short_games, processors.PDC.numbers.sample_games %}
{% set shots, trend = processors.PSZA.numbers.sample_games, processors.PSZA.numbers.trend_games %}
{% set steps = processors.ML.numbers.trend_games %}
WITH
player_games AS (
  {{ rows_of_games("PGS", "player_lookup", "universal_player_id, minutes_played, points, fg_makes, paint_attempts, paint_makes,
    mid_range_attempts, mid_range_makes, three_pt_attempts, three_pt_makes, assisted_fg_makes, unassisted_fg_makes, ft_makes,
    usage_rate, ts_pct", played) }}
),
asked AS (
  SELECT * FROM (SELECT player_lookup AS entity, analysis_date AS d FROM judged_psza ORDER BY data_hash LIMIT {{ most }})
  UNION DISTINCT
  SELECT * FROM (SELECT player_lookup AS entity, cache_date AS d FROM judged_pdc ORDER BY data_hash LIMIT {{ most }})
),
games AS (
  {{ games_before("player_games", "asked") }}
)
SELECT
  entity AS counted_player, d AS counted_date,
  COUNT(*) AS games,
  COUNTIF(age <= {{ trend }}) AS games_20,
  MAX(IF(age = 1, universal_player_id, NULL)) AS newest_id,
{% for zone in zones %}
  SUM(IF(age <= {{ shots }}, {{ zone }}_attempts, NULL)) AS {{ zone }},
  SUM(IF(age <= {{ shots }} AND {{ zone }}_attempts IS NOT NULL, {{ zone }}_makes, NULL)) AS {{ zone }}_makes,
  SUM(IF(age <= {{ trend }}, {{ zone }}_attempts, NULL)) AS {{ zone }}_20,
{% endfor %}
  SUM(IF(age <= {{ trend }} AND paint_attempts IS NOT NULL, paint_makes, NULL)) AS paint_makes_20,
  SUM(IF(age <= {{ shots }}, fg_makes, NULL)) AS makes,
  SUM(IF(age <= {{ shots }} AND fg_makes IS NOT NULL, assisted_fg_makes, NULL)) AS assisted,
  SUM(IF(age <= {{ shots }} AND fg_makes IS NOT NULL, unassisted_fg_makes, NULL)) AS unassisted,
  AVG(IF(age <= {{ short }}, {{ float("points") }}, NULL)) AS points_5,
  AVG(IF(age <= {{ sample }}, {{ float("points") }}, NULL)) AS points_10,
  AVG({{ float("points") }}) AS points_season,
  STDDEV_SAMP(IF(age <= {{ sample }}, {{ float("points") }}, NULL)) AS deviation,
  AVG(IF(age <= {{ sample }}, {{ float("minutes_played") }}, NULL)) AS minutes_10,
  AVG({{ float("minutes_played") }}) AS minutes_season,
  AVG(IF(age <= {{ sample }}, {{ float("usage_rate") }}, NULL)) AS usage_10,
  AVG({{ float("usage_rate") }}) AS usage_season,
  AVG(IF(age <= {{ sample }}, {{ float("ts_pct") }}, NULL)) AS shooting,
  IF(COUNTIF(age <= {{ steps }} AND points IS NOT NULL) = {{ steps }},
    AVG(IF(age <= 3, {{ float("points") }}, NULL)) - AVG(IF(age IN (4, 5), {{ float("points") }}, NULL)), 0) AS trend,
  SUM(IF(age <= {{ sample }} AND points IS NOT NULL, ft_makes, NULL)) AS free_throws,
  SUM(IF(age <= {{ sample }} AND ft_makes IS NOT NULL, points, NULL)) AS free_throw_points
FROM games
GROUP BY entity, d
