{# PCF: one row per date and player with a context row. Sources: UPGC, UTGC, and PSZA and TDZA of the same date. #}
{% from "_macros.sql" import contexts, divide, newest_context with context %}
{% macro clamp(value, limit) %}LEAST(GREATEST({{ value }}, -{{ limit }}), {{ limit }}){% endmacro %}
{{ contexts() }},
teams AS (
  SELECT team_abbr, game_date, processed_at
  FROM {{ t.UTGC }}
  JOIN UNNEST(@dates) AS d ON game_date = d
  WHERE TRUE
  QUALIFY {{ newest_context("team_abbr", "UTGC") }} = 1
),
matched AS (
  SELECT
    c.*,
    p.player_lookup IS NOT NULL AS has_shots,
    z.team_abbr IS NOT NULL AS has_defense,
    p.primary_scoring_zone,
    CASE p.primary_scoring_zone WHEN 'mid_range' THEN 'mid_range' WHEN 'perimeter' THEN 'perimeter' ELSE 'paint' END AS zone_used,
    CASE p.primary_scoring_zone
      WHEN 'mid_range' THEN p.mid_range_rate_last_10 WHEN 'perimeter' THEN p.three_pt_rate_last_10 ELSE p.paint_rate_last_10
    END AS zone_rate,
    CASE p.primary_scoring_zone
      WHEN 'mid_range' THEN z.mid_range_defense_vs_league_avg
      WHEN 'perimeter' THEN z.three_pt_defense_vs_league_avg
      ELSE z.paint_defense_vs_league_avg
    END AS zone_vs_league,
    z.weakest_zone AS opponent_weakest_zone,
    team.processed_at AS team_updated,
    p.processed_at AS shots_updated,
    z.processed_at AS defense_updated
  FROM contexts AS c
  LEFT JOIN {{ t.PSZA }} AS p ON p.player_lookup = c.player_lookup AND p.analysis_date = c.d
  LEFT JOIN {{ t.TDZA }} AS z ON z.team_abbr = c.opponent_team_abbr AND z.analysis_date = c.d
  LEFT JOIN teams AS team ON team.team_abbr = c.team_abbr AND team.game_date = c.d
),
{# An unknown input counts as an ordinary one, but for usage, where one invented number would make a spike. #}
parts AS (
  SELECT
    *,
    100
      + CASE WHEN IFNULL(back_to_back, FALSE) THEN -{{ numbers.back_to_back_points }} WHEN IFNULL(days_rest, 1) >= {{ numbers.rested_days }} THEN {{ numbers.rested_points }} ELSE 0 END
      - IF(IFNULL(games_in_last_7_days, 3) >= {{ numbers.many_games }}, {{ numbers.many_games_points }}, 0)
      - IF(IFNULL(minutes_in_last_7_days, 200) > {{ numbers.many_minutes }}, {{ numbers.many_minutes_points }}, 0)
      - IF(IFNULL(avg_minutes_per_game_last_7, 30) > {{ numbers.long_minutes }}, {{ numbers.long_minutes_points }}, 0)
      - CASE WHEN IFNULL(back_to_backs_last_14_days, 0) >= {{ numbers.back_to_backs }} THEN {{ numbers.back_to_backs_points }} WHEN back_to_backs_last_14_days = 1 THEN {{ numbers.one_back_to_back_points }} ELSE 0 END
      - CASE WHEN IFNULL(player_age, 25) >= {{ numbers.old_age }} THEN {{ numbers.old_points }} WHEN IFNULL(player_age, 25) >= {{ numbers.mature_age }} THEN {{ numbers.mature_points }} ELSE 0 END
      AS fatigue,
    IF(
      has_shots AND has_defense,
      CAST(IFNULL(zone_vs_league, 0) * LEAST({{ divide("IFNULL(zone_rate, %d)" % numbers.usual_rate_percent, numbers.usual_rate_percent) }}, 1) AS NUMERIC),
      0
    ) AS matchup,
    IF(avg_usage_rate_last_7_games <> 0, NUMERIC '{{ numbers.usage_factor }}' * (projected_usage_rate - avg_usage_rate_last_7_games), NULL) AS spike
  FROM matched
),
scores AS (
  SELECT
    *,
    LEAST(GREATEST(fatigue, 0), 100) AS fatigue_score,
    {{ clamp("CAST(IF(ABS(matchup) > %d, matchup * NUMERIC '%s', matchup) AS NUMERIC)"
      % (numbers.strong_matchup, numbers.strong_matchup_factor), numbers.mismatch_limit) }} AS mismatch,
    {{ clamp("IFNULL(" ~ divide("pace_differential", numbers.pace_divisor) ~ ", 0)", numbers.pace_limit) }} AS pace,
    {{ clamp("CAST(IFNULL(spike, 0) * CASE
      WHEN spike <= 0 THEN NUMERIC '1'
      WHEN IFNULL(star_teammates_out, 0) >= %d THEN NUMERIC '%s'
      WHEN star_teammates_out = 1 THEN NUMERIC '%s'
      ELSE NUMERIC '1'
    END AS NUMERIC)" % (numbers.stars_out, numbers.stars_out_factor, numbers.star_out_factor), numbers.usage_limit) }} AS usage
  FROM parts
),
totals AS (
  SELECT
    *,
    {{ divide("fatigue_score - 100", numbers.points_per_adjustment) }} + mismatch + pace + usage AS total,
    ROUND(mismatch, 1) AS shot_zone_mismatch_score,
    ROUND(pace, 1) AS pace_score,
    ROUND(usage, 1) AS usage_spike_score
  FROM scores
),
result AS (
  SELECT
    *,
    d AS analysis_date,
{% for name in ("referee_favorability", "look_ahead_pressure", "travel_impact", "opponent_strength") %}
    NUMERIC '0.0' AS {{ name }}_score,
{% endfor %}
    ROUND(CAST(total AS NUMERIC), 2) AS total_composite_adjustment,
    'v1_4factors' AS calculation_version,
    CAST(20 * (
      IF(days_rest IS NULL, 0, 1) + IF(projected_usage_rate IS NULL, 0, 1) + IF(pace_differential IS NULL, 0, 1)
      + IF(has_shots, 1, 0) + IF(has_defense, 1, 0)
    ) AS NUMERIC) AS data_completeness_pct,
    NULLIF(ARRAY_TO_STRING([
      IF(days_rest IS NULL, 'days_rest', NULL),
      IF(projected_usage_rate IS NULL, 'projected_usage_rate', NULL),
      IF(pace_differential IS NULL, 'pace_differential', NULL),
      IF(has_shots, NULL, 'player_shot_zone'),
      IF(has_defense, NULL, 'team_defense_zone')
    ], ', '), '') AS missing_data_fields,
    fatigue_score < 50 OR ABS(mismatch) > 8 OR ABS(total) > 12 AS has_warnings,
    NULLIF(ARRAY_TO_STRING([
      IF(fatigue_score < 50, 'EXTREME_FATIGUE', NULL),
      IF(ABS(mismatch) > 8, 'EXTREME_MATCHUP', NULL),
      IF(ABS(total) > 12, 'EXTREME_ADJUSTMENT', NULL)
    ], '; '), '') AS warning_details,
    FALSE AS early_season_flag,
    TO_JSON_STRING(STRUCT(
      days_rest AS days_rest, back_to_back AS back_to_back, games_in_last_7_days AS games_in_last_7_days,
      minutes_in_last_7_days AS minutes_in_last_7_days,
      CAST(avg_minutes_per_game_last_7 AS FLOAT64) AS avg_minutes_per_game_last_7,
      back_to_backs_last_14_days AS back_to_backs_last_14_days, player_age AS player_age, fatigue_score AS fatigue_score
    )) AS fatigue_context_json,
    TO_JSON_STRING(STRUCT(
      primary_scoring_zone AS primary_scoring_zone, zone_used AS zone_used,
      CAST(zone_rate AS FLOAT64) AS player_zone_rate, CAST(zone_vs_league AS FLOAT64) AS opponent_zone_vs_league,
      opponent_weakest_zone AS opponent_weakest_zone, CAST(shot_zone_mismatch_score AS FLOAT64) AS shot_zone_mismatch_score
    )) AS shot_zone_context_json,
    TO_JSON_STRING(STRUCT(
      CAST(pace_differential AS FLOAT64) AS pace_differential, CAST(opponent_pace_last_10 AS FLOAT64) AS opponent_pace_last_10,
      CAST(pace_score AS FLOAT64) AS pace_score
    )) AS pace_context_json,
    TO_JSON_STRING(STRUCT(
      CAST(projected_usage_rate AS FLOAT64) AS projected_usage_rate,
      CAST(avg_usage_rate_last_7_games AS FLOAT64) AS avg_usage_rate_last_7_games,
      star_teammates_out AS star_teammates_out, CAST(usage_spike_score AS FLOAT64) AS usage_spike_score
    )) AS usage_context_json,
{% for source, updated in (("player_context", "processed_at"), ("team_context", "team_updated"),
                           ("player_shot", "shots_updated"), ("team_defense", "defense_updated")) %}
    {{ updated }} AS source_{{ source }}_last_updated,
    IF({{ updated }} IS NULL, 0, 1) AS source_{{ source }}_rows_found,
{% endfor %}
    IF(impossible_context IS NULL, NULL, 'PROCESSING_ERROR') AS failure_category,
    impossible_context AS failure_reason
  FROM totals
)
