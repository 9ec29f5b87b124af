{# PDC: rows of `judged_pdc`; copies are compared with their originals, means recomputed from PGS and TOGS. #}
{% from "_checks.sql" import broken, differs, unlike, outside, quotient, contexts with context %}
{% set copied = ("games_in_last_7_days", "games_in_last_14_days", "minutes_in_last_7_days", "minutes_in_last_14_days",
  "back_to_backs_last_14_days", "avg_minutes_per_game_last_7", "fourth_quarter_minutes_last_7", "player_age") %}
WITH
{{ contexts() }},
checked AS (
  SELECT
    k.*, r.*, w.*,
    counted_player IS NOT NULL AS is_recounted,
    context_player, context_player_id,
    p.player_lookup IS NOT NULL AS has_shots,
    p.primary_scoring_zone AS zone_there, p.paint_rate_last_10 AS paint_there, p.three_pt_rate_last_10 AS three_there,
{% for name in copied %}
    c.{{ name }} AS given_{{ name }},
{% endfor %}
  FROM judged_pdc AS k
  LEFT JOIN contexts AS c ON c.context_player = k.player_lookup AND c.context_date = k.cache_date
  LEFT JOIN judged_psza AS p ON p.player_lookup = k.player_lookup AND p.analysis_date = k.cache_date
  LEFT JOIN recounted_players AS r ON counted_player = k.player_lookup AND counted_date = k.cache_date
  LEFT JOIN recounted_teams AS w ON counted_team = c.team_abbr AND team_date = k.cache_date
)
{% set recounted = [] %}
{% for name, column, value, scale in (
  ("points over " ~ processors.PDC.numbers.short_games ~ " games", "points_avg_last_5", "points_5", 1), ("points over " ~ processors.PDC.numbers.sample_games ~ " games", "points_avg_last_10", "points_10", 1),
  ("points of the season", "points_avg_season", "points_season", 1), ("deviation", "points_std_last_10", "deviation", 2),
  ("minutes", "minutes_avg_last_10", "minutes_10", 1), ("usage over " ~ processors.PDC.numbers.sample_games ~ " games", "usage_rate_last_10", "usage_10", 2),
  ("usage of the season", "player_usage_rate_season", "usage_season", 2), ("shooting", "ts_pct_last_10", "shooting", 3),
  ("assisted", "assisted_rate_last_10", quotient("assisted", "makes"), 2), ("team pace", "team_pace_last_10", "team_pace", 1),
  ("team rating", "team_off_rating_last_10", "team_rating", 2),
) %}
{% do recounted.append((name, "", column ~ " differs from the games", "is_recounted AND " ~ differs(column, value, scale))) %}
{% endfor %}
{% set unlike_context = [] %}
{% for name in copied %}
{% do unlike_context.append(unlike(name, "given_" ~ name)) %}
{% endfor %}
{{ broken("checked", "cache_date", "player_lookup", recounted + [
  ("games", "", "games_played_season is not the number of games played", "is_recounted AND games_played_season <> games"),
  ("fewest games", "", "row with fewer than " ~ processors.PDC.numbers.early_games ~ " games",
    "games_played_season < " ~ processors.PDC.numbers.early_games),
  ("flags", "", "a flag is set that written rows cannot have",
    "early_season_flag OR insufficient_data_reason IS NOT NULL OR NOT shot_zone_data_available"),
  ("assisted range", "", "the assisted share is outside 0 to 1", outside(0, 1, ["assisted_rate_last_10"])),
  ("shot row", "PSZA", "no PSZA row", "NOT has_shots"),
  ("shot columns", "PSZA", "zone or rates differ from the PSZA row", "has_shots AND (" ~ unlike("primary_scoring_zone", "zone_there")
    ~ " OR " ~ unlike("paint_rate_last_10", "paint_there") ~ " OR " ~ unlike("three_pt_rate_last_10", "three_there") ~ ")"),
  ("context", "", "no context row, or copied columns differ from it",
    "context_player IS NULL OR " ~ unlike("universal_player_id", "context_player_id") ~ " OR " ~ unlike_context | join(" OR ")),
]) }}
