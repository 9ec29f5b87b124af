{# PDC: one row per date and player with a context row. Sources: PGS and TOGS before the date, UPGC and PSZA of it.
   Windows: the player's newest games, few and more, and all of the season; the newest of the context's team. #}
{% from "_macros.sql" import contexts, played_games, games, sequence, validity, total, total_known, sums, mean, divide,
   completeness, too_few with context %}
{% set short, sample = "last_%d" % numbers.short_games, "last_%d" % numbers.sample_games %}
{% set of_team = "last_%d" % numbers.team_games %}
{% set player_means = (
  ("points_avg_last_5", "points", short, 1), ("points_avg_last_10", "points", sample, 1),
  ("points_avg_season", "points", "season", 1), ("minutes_avg_last_10", "minutes_played", sample, 1),
  ("usage_rate_last_10", "usage_rate", sample, 2), ("player_usage_rate_season", "usage_rate", "season", 2),
  ("ts_pct_last_10", "ts_pct", sample, 3),
) %}
{% set team_means = (
  ("team_pace_last_10", "pace", of_team, 1), ("team_off_rating_last_10", "offensive_rating", of_team, 2),
) %}
{{ contexts() }},
{{ played_games() }},
windows AS (
  SELECT
    player_lookup,
    {{ validity() }},
    COUNT(*) OVER season AS n,
    LAST_VALUE(impossible IGNORE NULLS) OVER season AS impossible,
    MAX(processed_at) OVER season AS last_updated,
{% for name, column, window, scale in player_means %}
    {{ sums(name, column, window) }},
{% endfor %}
    {{ total("points", sample) }} AS points,
    {{ total("points * points", sample) }} AS squares,
    COUNT(points) OVER {{ sample }} AS scored,
    {{ total("fg_makes", sample) }} AS fg_makes,
    {{ total_known("assisted_fg_makes", "fg_makes", sample) }} AS assisted
  FROM played
  {{ sequence("player_lookup") }}
),
profiles AS (
  SELECT
    player_lookup, shown_after, shown_until, n, impossible, last_updated,
{% for name, column, window, scale in player_means %}
    ROUND({{ mean(name) }}, {{ scale }}) AS {{ name }},
{% endfor %}
    ROUND(CAST(SQRT(CAST(
      {{ divide("scored * squares - points * points", "scored * (scored - 1)") }} AS FLOAT64
    )) AS NUMERIC), 2) AS points_std_last_10,
    ROUND({{ divide("assisted", "fg_makes") }}, 2) AS assisted_rate_last_10
  FROM windows
),
{{ games("team_games", "TOGS", "team_abbr") }},
team_windows AS (
  SELECT
    team_abbr,
    {{ validity() }},
    COUNT(*) OVER {{ of_team }} AS n_10,
    LAST_VALUE(impossible IGNORE NULLS) OVER {{ of_team }} AS impossible,
    MAX(processed_at) OVER {{ of_team }} AS last_updated,
{% for name, column, window, scale in team_means %}
    {{ sums(name, column, window) }},
{% endfor %}
  FROM team_games
  {{ sequence("team_abbr") }}
),
team_profiles AS (
  SELECT
    team_abbr, shown_after, shown_until, n_10, impossible, last_updated,
{% for name, column, window, scale in team_means %}
    ROUND({{ mean(name) }}, {{ scale }}) AS {{ name }},
{% endfor %}
  FROM team_windows
),
asked AS (
  SELECT d, player_lookup AS entity, team_abbr AS team FROM contexts
),
{{ completeness("asked", "played", "player_lookup") }},
matched AS (
  SELECT
    c.*,
    IFNULL(p.n, 0) AS n,
{% for name, column, window, scale in player_means %}
    p.{{ name }},
{% endfor %}
    p.points_std_last_10,
    p.assisted_rate_last_10,
    p.last_updated,
{% for name, column, window, scale in team_means %}
    team.{{ name }},
{% endfor %}
    IFNULL(team.n_10, 0) AS team_n,
    team.last_updated AS team_updated,
    z.player_lookup IS NOT NULL AS has_shots,
    z.primary_scoring_zone,
    z.paint_rate_last_10,
    z.three_pt_rate_last_10,
    z.processed_at AS shots_updated,
    f.failure_category || ': ' || f.failure_reason AS upstream_failure,
    COALESCE(c.impossible_context, p.impossible, team.impossible) AS impossible,
    i.incomplete_reason
  FROM contexts AS c
  LEFT JOIN profiles AS p ON p.player_lookup = c.player_lookup AND c.d > p.shown_after AND c.d <= p.shown_until
  LEFT JOIN team_profiles AS team ON team.team_abbr = c.team_abbr AND c.d > team.shown_after AND c.d <= team.shown_until
  LEFT JOIN {{ t.PSZA }} AS z ON z.player_lookup = c.player_lookup AND z.analysis_date = c.d
  LEFT JOIN {{ t.FAILURES }} AS f
    ON f.entity_id = c.player_lookup AND f.analysis_date = c.d AND f.processor_name = '{{ processors.PSZA.name }}'
  LEFT JOIN incomplete AS i ON i.incomplete_date = c.d AND i.incomplete_entity = c.player_lookup
),
judged AS (
  SELECT
    *,
    CASE
      WHEN impossible IS NOT NULL THEN 'PROCESSING_ERROR'
      WHEN n < {{ numbers.required_games }} THEN 'INSUFFICIENT_DATA'
      WHEN NOT has_shots THEN 'MISSING_DEPENDENCY'
      WHEN incomplete_reason IS NOT NULL THEN 'INCOMPLETE_DATA'
    END AS failure_category
  FROM matched
),
result AS (
  SELECT
    *,
    d AS cache_date,
    n AS games_played_season,
    n < {{ numbers.early_games }} AS early_season_flag,
    IF(n < {{ numbers.early_games }}, CAST(n AS STRING) || ' of {{ numbers.early_games }} games', NULL) AS insufficient_data_reason,
    has_shots AS shot_zone_data_available,
    'v1' AS cache_version,
    last_updated AS source_player_game_last_updated,
    n AS source_player_game_rows_found,
    team_updated AS source_team_offense_last_updated,
    team_n AS source_team_offense_rows_found,
    processed_at AS source_upcoming_context_last_updated,
    1 AS source_upcoming_context_rows_found,
    shots_updated AS source_shot_zone_last_updated,
    IF(has_shots, 1, 0) AS source_shot_zone_rows_found,
    CASE failure_category
      WHEN 'PROCESSING_ERROR' THEN impossible
      WHEN 'INSUFFICIENT_DATA' THEN {{ too_few("n", numbers.required_games) }}
      WHEN 'MISSING_DEPENDENCY' THEN
        'no row for ' || CAST(d AS STRING) || ' in {{ t.PSZA }}' || IFNULL(' (PSZA: ' || upstream_failure || ')', '')
      WHEN 'INCOMPLETE_DATA' THEN incomplete_reason
    END AS failure_reason
  FROM judged
)
