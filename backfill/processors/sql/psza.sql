{# PSZA: one row per date and player with a played game before it in the season. Sources: PGS (and SCHED in normal
   mode). Windows: the newest played games of the sample and of the trend, computed once per game and shown on the dates until the next. #}
{% from "_macros.sql" import played_games, sequence, validity, total, total_known, divide, completeness, too_few,
   grade
   with context %}
{% set zones = ("paint", "mid_range", "three_pt") %}
{% set sample, trend = "last_%d" % numbers.sample_games, "last_%d" % numbers.trend_games %}
{{ played_games() }},
windows AS (
  SELECT
    player_lookup, universal_player_id, team_abbr,
    {{ validity() }},
    COUNT(*) OVER season AS n,
    COUNT(*) OVER {{ sample }} AS n_10,
    COUNT(*) OVER {{ trend }} AS n_20,
    LAST_VALUE(impossible IGNORE NULLS) OVER {{ trend }} AS impossible,
{% for zone in zones %}
    {{ total(zone ~ "_attempts", sample) }} AS {{ zone }}_attempts,
    {{ total_known(zone ~ "_makes", zone ~ "_attempts", sample) }} AS {{ zone }}_makes,
    {{ total(zone ~ "_attempts", trend) }} AS {{ zone }}_attempts_20,
{% endfor %}
    {{ total_known("paint_makes", "paint_attempts", trend) }} AS paint_makes_20,
    {{ total("fg_makes", sample) }} AS fg_makes,
    {{ total_known("assisted_fg_makes", "fg_makes", sample) }} AS assisted,
    {{ total_known("unassisted_fg_makes", "fg_makes", sample) }} AS unassisted,
    MAX(processed_at) OVER {{ trend }} AS last_updated
  FROM played
  {{ sequence("player_lookup") }}
),
totals AS (
  SELECT
    *,
    paint_attempts + mid_range_attempts + three_pt_attempts AS attempts,
    paint_attempts_20 + mid_range_attempts_20 + three_pt_attempts_20 AS attempts_20
  FROM windows
),
shots AS (
  SELECT
    player_lookup, universal_player_id, team_abbr, shown_after, shown_until, n, n_10, n_20, impossible, last_updated,
    NULLIF(attempts, 0) AS total_shots_last_10,
{% for zone in zones %}
    ROUND({{ divide("100 * " ~ zone ~ "_attempts", "attempts") }}, 2) AS {{ zone }}_rate_last_10,
    ROUND({{ divide(zone ~ "_makes", zone ~ "_attempts") }}, 3) AS {{ zone }}_pct_last_10,
    ROUND({{ divide(zone ~ "_attempts", numbers.sample_games) }}, 1) AS {{ zone }}_attempts_per_game,
{% endfor %}
    IF(n_20 >= {{ numbers.trend_minimum_games }}, ROUND({{ divide("100 * paint_attempts_20", "attempts_20") }}, 2), NULL) AS paint_rate_last_20,
    IF(n_20 >= {{ numbers.trend_minimum_games }}, ROUND({{ divide("paint_makes_20", "paint_attempts_20") }}, 3), NULL) AS paint_pct_last_20,
    ROUND({{ divide("100 * assisted", "fg_makes") }}, 2) AS assisted_rate_last_10,
    ROUND({{ divide("100 * unassisted", "fg_makes") }}, 2) AS unassisted_rate_last_10
  FROM totals
),
profiles AS (
  SELECT
    *,
    {{ grade("n_10", (("excellent", numbers.sample_games), ("good", numbers.good_games),
      ("limited", numbers.limited_games)), "insufficient") }}
      AS sample_quality_10,
    {{ grade("n_20", (("excellent", numbers.trend_games), ("good", numbers.good_trend_games)), "limited") }} AS sample_quality_20,
    CASE
      WHEN paint_rate_last_10 IS NULL THEN NULL
      WHEN paint_rate_last_10 >= {{ numbers.paint_zone_percent }} THEN 'paint'
      WHEN three_pt_rate_last_10 >= {{ numbers.perimeter_zone_percent }} THEN 'perimeter'
      WHEN mid_range_rate_last_10 >= {{ numbers.mid_range_zone_percent }} THEN 'mid_range'
      ELSE 'balanced'
    END AS primary_scoring_zone,
    {{ grade("n", (("high", numbers.sample_games), ("medium", numbers.good_games)), "low") }} AS data_quality_tier
  FROM shots
),
newest AS (
  SELECT * FROM UNNEST(@dates) AS d JOIN profiles ON d > shown_after AND d <= shown_until
),
asked AS (
  SELECT d, player_lookup AS entity, team_abbr AS team FROM newest
),
{{ completeness("asked", "played", "player_lookup") }},
judged AS (
  SELECT
    *,
    CASE
      WHEN impossible IS NOT NULL THEN 'PROCESSING_ERROR'
      WHEN n < {{ numbers.sample_games }} THEN 'INSUFFICIENT_DATA'
      WHEN incomplete_reason IS NOT NULL THEN 'INCOMPLETE_DATA'
    END AS failure_category
  FROM newest
  LEFT JOIN incomplete ON incomplete_date = d AND incomplete_entity = player_lookup
),
result AS (
  SELECT
    *,
    d AS analysis_date,
    n_10 AS games_in_sample_10,
    n_20 AS games_in_sample_20,
    FALSE AS early_season_flag,
    last_updated AS source_player_game_last_updated,
    n_20 AS source_player_game_rows_found,
    CASE failure_category
      WHEN 'PROCESSING_ERROR' THEN impossible
      WHEN 'INSUFFICIENT_DATA' THEN {{ too_few("n", numbers.sample_games) }}
      WHEN 'INCOMPLETE_DATA' THEN incomplete_reason
    END AS failure_reason
  FROM judged
)
