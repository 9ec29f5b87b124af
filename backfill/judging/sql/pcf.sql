{# PCF: the rows of `judged_pcf`, every score made again from the context and the rows of PSZA and TDZA. #}
{% from "_checks.sql" import broken, differs, unlike, outside, float, clamp, contexts with context %}
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
    0.3 * ({{ float("projected_usage_rate") }} - NULLIF({{ float("avg_usage_rate_last_7_games") }}, 0)) AS spike
  FROM judged_pcf AS f
  LEFT JOIN contexts AS c ON c.context_player = f.player_lookup AND c.context_date = f.game_date
  LEFT JOIN judged_psza AS p ON p.player_lookup = f.player_lookup AND p.analysis_date = f.game_date
  LEFT JOIN judged_tdza AS z ON z.team_abbr = c.context_opponent AND z.analysis_date = f.game_date
),
parts AS (
  SELECT
    *,
    {# What is unknown takes nothing away and adds nothing. #}
    100
      - IF(back_to_back, 15, 0) + IF(NOT IFNULL(back_to_back, FALSE) AND context_days_rest >= 3, 5, 0)
      - IF(games_in_last_7_days >= 4, 10, 0) - IF(minutes_in_last_7_days > 240, 10, 0)
      - IF(avg_minutes_per_game_last_7 > 35, 8, 0)
      - IF(back_to_backs_last_14_days >= 2, 12, 0) - IF(back_to_backs_last_14_days = 1, 5, 0)
      - IF(player_age >= 30, 5, 0) - IF(player_age >= 35, 5, 0) AS freshness,
    {# Rounded, so that exactly 5 is 5. #}
    IF(has_shots AND has_defense, ROUND(IFNULL(vs_league, 0) * IF(rate < 50, rate / 50, 1), 6), 0) AS matchup,
    {{ float("pace_differential") }} / 2 AS half_pace,
    spike * CASE WHEN spike < 0 THEN 1 WHEN star_teammates_out >= 2 THEN 1.3 WHEN star_teammates_out = 1 THEN 1.15 ELSE 1 END
      AS boosted
  FROM matched
)
{{ broken("parts", "game_date", "player_lookup", [
  ("context", "", "there is no context row of this player, date and game, or its id is another one",
    "context_player IS NULL OR " ~ unlike("game_id", "context_game_id") ~ " OR " ~ unlike("universal_player_id", "context_player_id")),
  ("fatigue range", "", "fatigue lies outside 35 to 100", outside(35, 100, ["fatigue_score"])),
  ("mismatch range", "", "the mismatch lies outside 10", outside(-10, 10, ["shot_zone_mismatch_score"])),
  ("pace and usage range", "", "pace or usage lies outside 3", outside(-3, 3, ["pace_score", "usage_spike_score"])),
  ("reserved factors", "", "a reserved factor is not 0.0",
    outside(0, 0, ["referee_favorability_score", "look_ahead_pressure_score", "travel_impact_score", "opponent_strength_score"])),
  ("fixed columns", "", "the early-season flag is set, or the two dates differ", "early_season_flag OR analysis_date <> game_date"),
  ("missing fields", "", "missing fields are named, and nothing lacks, or the other way about",
    "(missing_data_fields IS NULL) <> (data_completeness_pct = 100)"),
  ("warnings", "", "there is a warning without its text, or the other way about", "has_warnings <> (warning_details IS NOT NULL)"),
  ("sum", "", "the total is not the sum of its parts", "ABS(total_composite_adjustment - (CAST(fatigue_score - 100 AS NUMERIC) / 20
      + shot_zone_mismatch_score + pace_score + usage_spike_score)) > NUMERIC '0.155'"),
  ("completeness", "PSZA TDZA", "completeness is not that of what the scores are made from",
    "data_completeness_pct <> IF(context_days_rest IS NULL, 0, 20) + IF(projected_usage_rate IS NULL, 0, 20)
      + IF(pace_differential IS NULL, 0, 20) + IF(has_shots, 20, 0) + IF(has_defense, 20, 0)"),
  ("fatigue", "", "fatigue is not what the context makes", "fatigue_score <> IF(freshness > 100, 100, freshness)"),
  ("mismatch", "PSZA TDZA", "the mismatch is not what his zone and the opponent make",
    differs("shot_zone_mismatch_score", clamp("matchup * IF(ABS(matchup) > 5, 1.2, 1)", 10), 1)),
  ("pace", "", "the pace score is not what the context makes", differs("pace_score", "IFNULL(" ~ clamp("half_pace", 3) ~ ", 0)", 1)),
  ("usage", "", "the usage score is not what the context makes", differs("usage_spike_score", "IFNULL(" ~ clamp("boosted", 3) ~ ", 0)", 1)),
]) }}
