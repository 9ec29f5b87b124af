{# PSZA: the rows of `judged_psza`, their numbers recounted from PGS. #}
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
{% set few, many = numbers.PSZA.sample_games, numbers.PSZA.trend_games %}
{% set trend, of_sample = numbers.PSZA.trend_minimum_games, "the newest " ~ numbers.PSZA.sample_games ~ " games" %}
{% set recounted = [] %}
{% for zone in zones %}
{% do recounted.append((zone ~ " attempts per game", "", zone ~ " attempts per game are not those of " ~ of_sample,
  "is_recounted AND " ~ differs(zone ~ "_attempts_per_game", quotient(zone, few), 1))) %}
{% do recounted.append((zone ~ " rate", "", zone ~ " is not that share of the shots of " ~ of_sample,
  "is_recounted AND " ~ differs(zone ~ "_rate_last_10", quotient("100 * " ~ zone, "shots"), 2))) %}
{% do recounted.append((zone ~ " accuracy", "", zone ~ " accuracy is not that of " ~ of_sample,
  "is_recounted AND " ~ differs(zone ~ "_pct_last_10", quotient(zone ~ "_makes", zone), 3))) %}
{% endfor %}
{{ broken("checked", "analysis_date", "player_lookup", recounted + [
  ("rates", "", "the three rates do not sum to 100",
    "(paint_rate_last_10 IS NULL) <> (mid_range_rate_last_10 IS NULL) OR (paint_rate_last_10 IS NULL) <> (three_pt_rate_last_10 IS NULL)
      OR ABS(paint_rate_last_10 + mid_range_rate_last_10 + three_pt_rate_last_10 - 100) > NUMERIC '0.01'"),
  ("rate range", "", "a rate lies outside 0 to 100", outside(0, 100, ["paint_rate_last_10", "mid_range_rate_last_10",
    "three_pt_rate_last_10", "paint_rate_last_20", "assisted_rate_last_10", "unassisted_rate_last_10"])),
  ("accuracy range", "", "an accuracy lies outside 0 to 1",
    outside(0, 1, ["paint_pct_last_10", "mid_range_pct_last_10", "three_pt_pct_last_10", "paint_pct_last_20"])),
  ("samples", "", "the samples are not " ~ few ~ ", and " ~ few ~ " to " ~ many ~ " games",
    "games_in_sample_10 <> " ~ few ~ " OR games_in_sample_20 NOT BETWEEN " ~ few ~ " AND " ~ many),
  ("long sample", "", "there is a trend over fewer than " ~ trend ~ " games",
    "games_in_sample_20 < " ~ trend ~ " AND (paint_rate_last_20 IS NOT NULL OR paint_pct_last_20 IS NOT NULL)"),
  ("fixed columns", "", "the tier or the quality of the sample is not the one for its games, or the early-season flag is set",
    "data_quality_tier <> 'high' OR sample_quality_10 <> 'excellent' OR early_season_flag OR sample_quality_20 <>
      IF(games_in_sample_20 >= " ~ many ~ ", 'excellent', IF(games_in_sample_20 >= " ~ numbers.PSZA.good_trend_games ~ ", 'good', 'limited'))"),
  ("zone", "", "the primary zone is not the one that the rates make", unlike("primary_scoring_zone",
    "CASE WHEN paint_rate_last_10 IS NULL THEN NULL WHEN paint_rate_last_10 >= " ~ numbers.PSZA.paint_zone_percent ~ " THEN 'paint' WHEN three_pt_rate_last_10 >= "
    ~ numbers.PSZA.perimeter_zone_percent ~ "
      THEN 'perimeter' WHEN mid_range_rate_last_10 >= " ~ numbers.PSZA.mid_range_zone_percent ~ " THEN 'mid_range' ELSE 'balanced' END")),
  ("shots", "", "the shots are not those of " ~ of_sample, "is_recounted AND " ~ unlike("total_shots_last_10", "shots")),
  ("games", "", "the number of games is not that of the newest " ~ many, "is_recounted AND games_in_sample_20 <> games_20"),
  ("player id", "", "the id is not that of the newest game", "is_recounted AND " ~ unlike("universal_player_id", "newest_id")),
  ("long rate", "", "the paint rate over " ~ many ~ " games is not theirs", "is_recounted AND "
    ~ differs("paint_rate_last_20", "IF(games_20 >= " ~ trend ~ ", " ~ quotient("100 * paint_20", "shots_20") ~ ", NULL)", 2)),
  ("long accuracy", "", "the paint accuracy over " ~ many ~ " games is not theirs", "is_recounted AND "
    ~ differs("paint_pct_last_20", "IF(games_20 >= " ~ trend ~ ", " ~ quotient("paint_makes_20", "paint_20") ~ ", NULL)", 3)),
  ("assisted", "", "the assisted share is not that of " ~ of_sample,
    "is_recounted AND " ~ differs("assisted_rate_last_10", quotient("100 * assisted", "makes"), 2)),
  ("unassisted", "", "the unassisted share is not that of " ~ of_sample,
    "is_recounted AND " ~ differs("unassisted_rate_last_10", quotient("100 * unassisted", "makes"), 2)),
]) }}
