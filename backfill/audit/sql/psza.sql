{# PSZA: rows of `judged_psza`; numbers are recomputed from PGS. #}
{% from "_checks.sql" import broken, differs, unlike, outside, quotient with context %}
WITH
checked AS (
  SELECT
    z.*, r.*, counted_player IS NOT NULL AS is_recounted,
    NULLIF(paint + mid_range + three_pt, 0) AS shots,
    NULLIF(paint_20 + mid_range_20 + three_pt_20, 0) AS shots_20
  FROM judged_psza AS z
  LEFT JOIN recounted_players AS r ON counted_player = z.player_lookup AND counted_date = z.analysis_date
)
{% set few, many = processors.PSZA.numbers.sample_games, processors.PSZA.numbers.trend_games %}
{% set trend, of_sample = processors.PSZA.numbers.trend_minimum_games, "the newest " ~ processors.PSZA.numbers.sample_games ~ " games" %}
{% set recounted = [] %}
{% for zone in zones %}
{% do recounted.append((zone ~ " attempts per game", "", zone ~ " attempts per game differ from " ~ of_sample,
  "is_recounted AND " ~ differs(zone ~ "_attempts_per_game", quotient(zone, few), 1))) %}
{% do recounted.append((zone ~ " rate", "", zone ~ " is not that share of the shots of " ~ of_sample,
  "is_recounted AND " ~ differs(zone ~ "_rate_last_10", quotient("100 * " ~ zone, "shots"), 2))) %}
{% do recounted.append((zone ~ " accuracy", "", zone ~ " accuracy differs from " ~ of_sample,
  "is_recounted AND " ~ differs(zone ~ "_pct_last_10", quotient(zone ~ "_makes", zone), 3))) %}
{% endfor %}
{{ broken("checked", "analysis_date", "player_lookup", recounted + [
  ("rates", "", "the three rates do not sum to 100",
    "(paint_rate_last_10 IS NULL) <> (mid_range_rate_last_10 IS NULL) OR (paint_rate_last_10 IS NULL) <> (three_pt_rate_last_10 IS NULL)
      OR ABS(paint_rate_last_10 + mid_range_rate_last_10 + three_pt_rate_last_10 - 100) > NUMERIC '0.01'"),
  ("rate range", "", "a rate is outside 0 to 100", outside(0, 100, ["paint_rate_last_10", "mid_range_rate_last_10",
    "three_pt_rate_last_10", "paint_rate_last_20", "assisted_rate_last_10", "unassisted_rate_last_10"])),
  ("accuracy range", "", "an accuracy is outside 0 to 1",
    outside(0, 1, ["paint_pct_last_10", "mid_range_pct_last_10", "three_pt_pct_last_10", "paint_pct_last_20"])),
  ("samples", "", "the sample sizes are not " ~ few ~ " and " ~ few ~ " to " ~ many ~ " games",
    "games_in_sample_10 <> " ~ few ~ " OR games_in_sample_20 NOT BETWEEN " ~ few ~ " AND " ~ many),
  ("long sample", "", "trend over fewer than " ~ trend ~ " games",
    "games_in_sample_20 < " ~ trend ~ " AND (paint_rate_last_20 IS NOT NULL OR paint_pct_last_20 IS NOT NULL)"),
  ("fixed columns", "", "tier or sample quality does not match the games, or the early-season flag is set",
    "data_quality_tier <> 'high' OR sample_quality_10 <> 'excellent' OR early_season_flag OR sample_quality_20 <>
      IF(games_in_sample_20 >= " ~ many ~ ", 'excellent', IF(games_in_sample_20 >= " ~ processors.PSZA.numbers.good_trend_games ~ ", 'good', 'limited'))"),
  ("zone", "", "the primary zone does not match the rates", unlike("primary_scoring_zone",
    "CASE WHEN paint_rate_last_10 IS NULL THEN NULL WHEN paint_rate_last_10 >= " ~ processors.PSZA.numbers.paint_zone_percent ~ " THEN 'paint' WHEN three_pt_rate_last_10 >= "
    ~ processors.PSZA.numbers.perimeter_zone_percent ~ "
      THEN 'perimeter' WHEN mid_range_rate_last_10 >= " ~ processors.PSZA.numbers.mid_range_zone_percent ~ " THEN 'mid_range' ELSE 'balanced' END")),
  ("shots", "", "the shots differ from " ~ of_sample, "is_recounted AND " ~ unlike("total_shots_last_10", "shots")),
  ("games", "", "the number of games differs from the newest " ~ many, "is_recounted AND games_in_sample_20 <> games_20"),
  ("player id", "", "the id differs from the newest game", "is_recounted AND " ~ unlike("universal_player_id", "newest_id")),
  ("long rate", "", "the paint rate over " ~ many ~ " games differs from the games", "is_recounted AND "
    ~ differs("paint_rate_last_20", "IF(games_20 >= " ~ trend ~ ", " ~ quotient("100 * paint_20", "shots_20") ~ ", NULL)", 2)),
  ("long accuracy", "", "the paint accuracy over " ~ many ~ " games differs from the games", "is_recounted AND "
    ~ differs("paint_pct_last_20", "IF(games_20 >= " ~ trend ~ ", " ~ quotient("paint_makes_20", "paint_20") ~ ", NULL)", 3)),
  ("assisted", "", "the assisted share differs from " ~ of_sample,
    "is_recounted AND " ~ differs("assisted_rate_last_10", quotient("100 * assisted", "makes"), 2)),
  ("unassisted", "", "the unassisted share differs from " ~ of_sample,
    "is_recounted AND " ~ differs("unassisted_rate_last_10", quotient("100 * unassisted", "makes"), 2)),
]) }}
