{# PCF: rows of `judged_pcf`; every score is recomputed from the context and the rows of PSZA and TDZA. #}
{% from "_checks.sql" import broken, differs, unlike, outside, float, clamp, contexts with context %}
{% set of = processors.PCF.numbers %}
{% set limit, score_limit = of.mismatch_limit, of.pace_limit %}
WITH
{{ contexts() }},
matched AS (
  SELECT
    f.*,
    c.*,
    p.player_lookup IS NOT NULL AS has_shots,
    z.team_abbr IS NOT NULL AS has_defense,
    {{ float("CASE p.primary_scoring_zone WHEN 'mid_range' THEN p.mid_range_rate_last_10 WHEN 'perimeter' THEN
      p.three_pt_rate_last_10 ELSE p.paint_rate_last_10 END") }} AS rate,
    {{ float("CASE p.primary_scoring_zone WHEN 'mid_range' THEN z.mid_range_defense_vs_league_avg WHEN 'perimeter' THEN
      z.three_pt_defense_vs_league_avg ELSE z.paint_defense_vs_league_avg END") }} AS vs_league,
    {{ of.usage_factor }} * ({{ float("projected_usage_rate") }} - NULLIF({{ float("avg_usage_rate_last_7_games") }}, 0)) AS spike
  FROM judged_pcf AS f
  LEFT JOIN contexts AS c ON c.context_player = f.player_lookup AND c.context_date = f.game_date
  LEFT JOIN judged_psza AS p ON p.player_lookup = f.player_lookup AND p.analysis_date = f.game_date
  LEFT JOIN judged_tdza AS z ON z.team_abbr = c.context_opponent AND z.analysis_date = f.game_date
),
parts AS (
  SELECT
    *,
    {# NULL counts as zero. #}
    100
      - IF(back_to_back, {{ of.back_to_back_points }}, 0)
      + IF(NOT IFNULL(back_to_back, FALSE) AND context_days_rest >= {{ of.rested_days }}, {{ of.rested_points }}, 0)
      - IF(games_in_last_7_days >= {{ of.many_games }}, {{ of.many_games_points }}, 0)
      - IF(minutes_in_last_7_days > {{ of.many_minutes }}, {{ of.many_minutes_points }}, 0)
      - IF(avg_minutes_per_game_last_7 > {{ of.long_minutes }}, {{ of.long_minutes_points }}, 0)
      - IF(back_to_backs_last_14_days >= {{ of.back_to_backs }}, {{ of.back_to_backs_points }}, 0)
      - IF(back_to_backs_last_14_days = 1, {{ of.one_back_to_back_points }}, 0)
      - IF(player_age >= {{ of.mature_age }}, {{ of.mature_points }}, 0)
      - IF(player_age >= {{ of.old_age }}, {{ of.old_points - of.mature_points }}, 0) AS freshness,
    {# Rounded, so that the limit 5 is compared exactly. #}
    IF(has_shots AND has_defense, ROUND(IFNULL(vs_league, 0) * IF(rate < {{ of.usual_rate_percent }}, rate / {{ of.usual_rate_percent }}, 1), 6), 0) AS matchup,
    {{ float("pace_differential") }} / {{ of.pace_divisor }} AS half_pace,
    spike * CASE WHEN spike < 0 THEN 1 WHEN star_teammates_out >= {{ of.stars_out }} THEN {{ of.stars_out_factor }}
      WHEN star_teammates_out = 1 THEN {{ of.star_out_factor }} ELSE 1 END
      AS boosted
  FROM matched
)
{{ broken("parts", "game_date", "player_lookup", [
  ("context", "", "no context row of this player, date and game, or its id differs",
    "context_player IS NULL OR " ~ unlike("game_id", "context_game_id") ~ " OR " ~ unlike("universal_player_id", "context_player_id")),
  ("fatigue range", "", "fatigue is outside " ~ of.lowest_fatigue ~ " to 100", outside(of.lowest_fatigue, 100, ["fatigue_score"])),
  ("mismatch range", "", "the mismatch is outside " ~ limit, outside(-limit, limit, ["shot_zone_mismatch_score"])),
  ("pace and usage range", "", "pace or usage is outside " ~ score_limit, outside(-score_limit, score_limit, ["pace_score", "usage_spike_score"])),
  ("reserved factors", "", "a reserved factor is not 0.0",
    outside(0, 0, ["referee_favorability_score", "look_ahead_pressure_score", "travel_impact_score", "opponent_strength_score"])),
  ("fixed columns", "", "the early-season flag is set, or the two dates differ", "early_season_flag OR analysis_date <> game_date"),
  ("missing fields", "", "the list of missing fields does not match the missing values",
    "(missing_data_fields IS NULL) <> (data_completeness_pct = 100)"),
  ("warnings", "", "warning flag and warning text do not match", "has_warnings <> (warning_details IS NOT NULL)"),
  ("sum", "", "the total is not the sum of its parts", "ABS(total_composite_adjustment - (CAST(fatigue_score - 100 AS NUMERIC) / " ~ of.points_per_adjustment ~ "
      + shot_zone_mismatch_score + pace_score + usage_spike_score)) > NUMERIC '0.155'"),
  ("completeness", "PSZA TDZA", "completeness does not match the sources of the scores",
    "data_completeness_pct <> IF(context_days_rest IS NULL, 0, 20) + IF(projected_usage_rate IS NULL, 0, 20)
      + IF(pace_differential IS NULL, 0, 20) + IF(has_shots, 20, 0) + IF(has_defense, 20, 0)"),
  ("fatigue", "", "fatigue differs from the context", "fatigue_score <> IF(freshness > 100, 100, freshness)"),
  ("mismatch", "PSZA TDZA", "the mismatch differs from the zone of the player and the opponent",
    differs("shot_zone_mismatch_score", clamp("matchup * IF(ABS(matchup) > "
      ~ of.strong_matchup ~ ", " ~ of.strong_matchup_factor ~ ", 1)", limit), 1)),
  ("pace", "", "the pace score differs from the context", differs("pace_score", "IFNULL(" ~ clamp("half_pace", of.pace_limit) ~ ", 0)", 1)),
  ("usage", "", "the usage score differs from the context", differs("usage_spike_score", "IFNULL(" ~ clamp("boosted", of.usage_limit) ~ ", 0)", 1)),
]) }}
