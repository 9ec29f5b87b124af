{# ML: rows of `judged_ml`; each feature is compared with its source column, or recomputed. #}
{% from "_checks.sql" import broken, differs, unlike, quotient, float, clamp, contexts with context %}
{% set of, composite = processors.ML.numbers, processors.PCF.numbers %}
{% set defaults, gold, silver, bronze = dict(of.defaults), of.tiers[0], of.tiers[1], of.tiers[2] %}
{% set taken = (
  (0, "k", "points_avg_last_5"), (1, "k", "points_avg_last_10"), (2, "k", "points_avg_season"),
  (3, "k", "points_std_last_10"), (4, "k", "games_in_last_7_days"), (5, "f", "fatigue_score"),
  (6, "f", "shot_zone_mismatch_score"), (7, "f", "pace_score"), (8, "f", "usage_spike_score"),
  (13, "z", "defensive_rating_last_15"), (14, "z", "opponent_pace"), (18, "p", "paint_rate_last_10"),
  (19, "p", "mid_range_rate_last_10"), (20, "p", "three_pt_rate_last_10"), (22, "k", "team_pace_last_10"),
  (23, "k", "team_off_rating_last_10"),
) %}
{% set upstream = {"k": "PDC", "f": "PCF", "z": "TDZA", "p": "PSZA"} %}
{# Only infinity and NaN exceed the largest of these numbers. #}
{% set most_of_all = "1e300" %}
{% set ranges = {5: (composite.lowest_fatigue, 100), 6: (-composite.mismatch_limit, composite.mismatch_limit),
  7: (-composite.pace_limit, composite.pace_limit), 8: (-composite.usage_limit, composite.usage_limit),
  9: (-of.rest_limit, of.rest_limit), 10: (0, 3), 11: (-2, 2), 12: (-2, 2), 15: (0, 1), 16: (0, 1), 17: (0, 1), 18: (0, 1),
  19: (0, 1), 20: (0, 1), 21: (0, of.free_throw_limit), 24: (0, 1)} %}
{# True if x is outside the range of its step (2, 1, 0, -1, -2), with tolerance for the last decimals. #}
{% macro off_steps(feature, x, high, low) %}
{{ x }} NOT BETWEEN
  CASE {{ feature }} WHEN 2 THEN {{ high }} WHEN 1 THEN {{ low }} WHEN 0 THEN -{{ low }} WHEN -1 THEN -{{ high }} ELSE -1e9 END - 1e-8
  AND CASE {{ feature }} WHEN 1 THEN {{ high }} WHEN 0 THEN {{ low }} WHEN -1 THEN -{{ low }} WHEN -2 THEN -{{ high }} ELSE 1e9 END + 1e-8
{%- endmacro %}
WITH
{{ contexts() }},
matched AS (
  SELECT
    v.player_lookup, v.game_date, v.game_id, v.universal_player_id, v.features, v.feature_count, v.feature_quality_score,
    v.quality_tier, v.opponent_team_abbr, v.is_home, v.days_rest, v.data_source, v.early_season_flag, v.feature_version,
    ARRAY_TO_STRING(v.feature_names, ',') AS names,
{% for i in range(of.features) %}
    v.features[SAFE_OFFSET({{ i }})] AS f{{ i }},
{% endfor %}
{% for i, alias, column in taken %}
    {{ float(alias ~ "." ~ column) }}{{ " / 100" if alias == "p" }} AS given_{{ i }},
{% endfor %}
    {{ float("k.minutes_avg_last_10") }} AS minutes_cached,
    c.* EXCEPT (games_in_last_7_days), r.*, win_share,
    counted_player IS NOT NULL AS is_recounted,
    k.player_lookup IS NOT NULL AS has_cache,
    f.player_lookup IS NOT NULL AS has_factors,
    p.player_lookup IS NOT NULL AS has_shots
  FROM judged_ml AS v
  LEFT JOIN contexts AS c ON c.context_player = v.player_lookup AND c.context_date = v.game_date
  LEFT JOIN judged_pdc AS k ON k.player_lookup = v.player_lookup AND k.cache_date = v.game_date
  LEFT JOIN judged_pcf AS f ON f.player_lookup = v.player_lookup AND f.game_date = v.game_date
  LEFT JOIN judged_psza AS p ON p.player_lookup = v.player_lookup AND p.analysis_date = v.game_date
  LEFT JOIN judged_tdza AS z ON z.team_abbr = c.context_opponent AND z.analysis_date = v.game_date
  LEFT JOIN recounted_players AS r ON counted_player = v.player_lookup AND counted_date = v.game_date
  LEFT JOIN recounted_teams AS w ON counted_team = c.team_abbr AND team_date = v.game_date
),
checked AS (
  SELECT
    *,
    {% for i, alias, column in taken %}{{ " + " if not loop.first }}IF(given_{{ i }} IS NULL, 0, 1){% endfor %} AS known,
    IFNULL(NULLIF(IFNULL(minutes_cached, minutes_10), 0) / NULLIF(minutes_season, 0) - 1, 0) AS minutes_ratio
  FROM matched
)
{% set inside = [] %}
{% for i in range(of.features) %}
{% set low, high = ranges.get(i, (0, most_of_all)) %}
{% do inside.append("f" ~ i ~ " BETWEEN " ~ low ~ " AND " ~ high) %}
{% endfor %}
{% set checks = [] %}
{% for i, alias, column in taken %}
{% do checks.append(("feature " ~ i, upstream[alias], features[i] ~ " differs from " ~ upstream[alias],
  "ABS(f" ~ i ~ " - IFNULL(given_" ~ i ~ ", " ~ defaults[features[i]] ~ ")) > 1e-6")) %}
{% endfor %}
{# Source label: 13 of the 16 possible Phase 4 features are half of all features, and give a score of 89.80. #}
{{ broken("checked", "game_date", "player_lookup", checks + [
  ("upstream rows", "PSZA PCF PDC", "no PSZA, PCF or PDC row", "NOT (has_shots AND has_factors AND has_cache)"),
  ("number of features", "", "the number of features is not " ~ of.features,
    "feature_count <> " ~ of.features ~ " OR ARRAY_LENGTH(features) <> " ~ of.features),
  ("names", "", "unexpected feature names or version",
    "feature_version <> '" ~ of.version ~ "' OR names <> '" ~ features | join(",") ~ "'"),
  ("ranges", "", "a feature is NULL or out of range", "NOT IFNULL(" ~ inside | join(" AND ") ~ ", FALSE)"),
  ("quality", "TDZA PSZA PCF PDC", "the quality score does not match the known sources",
    "feature_quality_score NOT BETWEEN NUMERIC '68.20' AND NUMERIC '97.00' OR "
    ~ "ABS(feature_quality_score - (NUMERIC '58.60' + NUMERIC '2.40' * known)) > NUMERIC '0.005'"),
  ("tier", "", "the tier does not match the quality score",
    "quality_tier <> CASE WHEN feature_quality_score >= " ~ gold[1] ~ " THEN '" ~ gold[0] ~ "'
      WHEN feature_quality_score >= " ~ silver[1] ~ " THEN '" ~ silver[0] ~ "' ELSE '" ~ bronze[0] ~ "' END"),
  ("data source", "", "the source label does not match the quality score",
    "data_source <> IF(feature_quality_score >= NUMERIC '89.80', 'phase4_partial', 'mixed')"),
  ("fixed columns", "", "the early-season flag is set", "early_season_flag"),
  ("context", "", "no context row, or copied columns differ from it",
    "context_player IS NULL OR " ~ unlike("universal_player_id", "context_player_id") ~ " OR " ~ unlike("game_id", "context_game_id")
    ~ " OR " ~ unlike("opponent_team_abbr", "context_opponent") ~ " OR " ~ unlike("is_home", "home_game")
    ~ " OR " ~ unlike("days_rest", "context_days_rest")),
  ("feature 9", "", "rest_advantage differs from the context",
    "f9 <> IFNULL(" ~ clamp("(context_days_rest - opponent_days_rest)", of.rest_limit) ~ ", 0)"),
  ("feature 10", "", "injury_risk differs from the context",
    "f10 <> IFNULL(CASE LOWER(player_status) WHEN 'probable' THEN 1 WHEN 'questionable' THEN 2 WHEN 'doubtful' THEN 3
      WHEN 'out' THEN 3 END, 0)"),
  ("feature 11", "", "recent_trend differs from the newest " ~ of.trend_games ~ " games",
    "is_recounted AND " ~ off_steps("f11", "trend", of.trend_points[0], of.trend_points[1])),
  ("feature 12", "PDC", "minutes_change differs from the games",
    "is_recounted AND " ~ off_steps("f12", "minutes_ratio", of.minutes_ratios[0], of.minutes_ratios[1])),
  ("feature 15", "", "home_away differs from the context", "f15 <> IF(home_game, 1, 0)"),
  ("feature 16", "", "back_to_back differs from the context", "f16 <> IF(back_to_back, 1, 0)"),
  ("feature 17", "", "playoff_game differs from the context", "f17 <> IF(LOWER(season_phase) = 'playoffs', 1, 0)"),
  ("feature 21", "", "pct_free_throw differs from the newest " ~ of.sample_games ~ " games",
    "is_recounted AND " ~ differs("f21", "IFNULL(IF(2 * free_throws > free_throw_points, "
      ~ of.free_throw_limit ~ ", " ~ quotient("free_throws", "free_throw_points") ~ "), "
      ~ of.free_throw_default ~ ")", 6)),
  ("feature 24", "", "team_win_pct differs from the games of the team",
    "is_recounted AND " ~ differs("f24", "IFNULL(win_share, " ~ of.win_share_default ~ ")", 6)),
]) }}
