{# ML: one row per date and player with a context row. Sources: PGS and TOGS before the date; UPGC, TDZA, PSZA, PCF
   and PDC of it. Each feature takes its Phase 4 value, else its Phase 3 value, else its default. #}
{% from "_macros.sql" import contexts, played_games, games, sequence, validity, total, total_known, sums, mean, divide,
   completeness with context %}
{% set sourced = {
  0: ("points_avg_last_5", "c.points_avg_last_5", "g.points_mean_5", "10.0"),
  1: ("points_avg_last_10", "c.points_avg_last_10", "g.points_mean_10", "10.0"),
  2: ("points_avg_season", "c.points_avg_season", "g.points_mean_season", "10.0"),
  3: ("points_std_last_10", "c.points_std_last_10", none, "5.0"),
  4: ("games_in_last_7_days", "c.games_in_last_7_days", none, "3.0"),
  5: ("fatigue_score", "f.fatigue_score", none, "50.0"),
  6: ("shot_zone_mismatch_score", "f.shot_zone_mismatch_score", none, "0.0"),
  7: ("pace_score", "f.pace_score", none, "0.0"),
  8: ("usage_spike_score", "f.usage_spike_score", none, "0.0"),
  13: ("opponent_def_rating", "z.defensive_rating_last_15", none, "112.0"),
  14: ("opponent_pace", "z.opponent_pace", none, "100.0"),
  18: ("pct_paint", divide("s.paint_rate_last_10", "100"), none, "0.30"),
  19: ("pct_mid_range", divide("s.mid_range_rate_last_10", "100"), none, "0.20"),
  20: ("pct_three", divide("s.three_pt_rate_last_10", "100"), none, "0.35"),
  22: ("team_pace", "c.team_pace_last_10", none, "100.0"),
  23: ("team_off_rating", "c.team_off_rating_last_10", none, "112.0"),
} %}
{% set calculated = {
  9: "rest_advantage", 10: "injury_risk", 11: "recent_trend", 12: "minutes_change", 15: "home_away",
  16: "back_to_back", 17: "playoff_game", 21: "pct_free_throw", 24: "team_win_pct",
} %}
{% set steps = "CASE WHEN {x} >= {high} THEN 2 WHEN {x} >= {low} THEN 1 WHEN {x} <= -{high} THEN -2
      WHEN {x} <= -{low} THEN -1 ELSE 0 END" %}
{{ contexts() }},
{{ played_games() }},
windows AS (
  SELECT
    player_lookup,
    {{ validity() }},
    COUNT(*) OVER season AS n,
    LAST_VALUE(impossible IGNORE NULLS) OVER season AS impossible,
    points AS points_1,
{% for i in range(2, 6) %}
    LAG(points, {{ i - 1 }}) OVER seq AS points_{{ i }},
{% endfor %}
{% for name, column, window in (("points_5", "points", "last_5"), ("points_10", "points", "last_10"),
    ("points_season", "points", "season"), ("minutes_10", "minutes_played", "last_10"),
    ("minutes_season", "minutes_played", "season")) %}
    {{ sums(name, column, window) }},
{% endfor %}
    {{ total_known("ft_makes", "points", "last_10") }} AS free_throws,
    {{ total_known("points", "ft_makes", "last_10") }} AS free_throw_points
  FROM played
  {{ sequence("player_lookup") }}
),
profiles AS (
  SELECT
    player_lookup, shown_after, shown_until, n, impossible,
    IF(n >= 5, {{ mean("points_5") }}, NULL) AS points_mean_5,
    {{ mean("points_10") }} AS points_mean_10,
    {{ mean("points_season") }} AS points_mean_season,
    {{ mean("minutes_10") }} AS minutes_mean_10,
    {{ mean("minutes_season") }} AS minutes_mean_season,
    IF(n >= 5, {{ divide("points_1 + points_2 + points_3", "3") }} - {{ divide("points_4 + points_5", "2") }}, NULL) AS trend,
    IF(n >= 5, LEAST({{ divide("free_throws", "free_throw_points") }}, NUMERIC '0.5'), NULL) AS free_throw_share
  FROM windows
),
{{ games("team_games", "TOGS", "team_abbr") }},
team_profiles AS (
  SELECT
    team_abbr,
    {{ validity() }},
    COUNT(IF(win_flag, 1, NULL)) OVER season AS wins,
    COUNT(win_flag) OVER season AS decided
  FROM team_games
  {{ sequence("team_abbr") }}
),
asked AS (
  SELECT d, player_lookup AS entity, team_abbr AS team FROM contexts
),
{{ completeness("asked", "played", "player_lookup") }},
logged AS (
  SELECT
    entity_id, analysis_date,
{% for code in ("PSZA", "PCF", "PDC") %}
    MAX(IF(processor_name = '{{ processors[code].name }}', failure_category, NULL)) AS {{ code }}_failure,
{% endfor %}
  FROM {{ t.FAILURES }}
  JOIN UNNEST(@dates) AS d ON analysis_date = d
  GROUP BY entity_id, analysis_date
),
matched AS (
  SELECT
    x.player_lookup, x.universal_player_id, x.game_id, x.opponent_team_abbr, x.home_game, x.days_rest, x.d,
{% for i, (name, phase4, phase3, default) in sourced.items() %}
    {{ phase4 }} AS phase4_{{ i }},
    {{ phase3 or "CAST(NULL AS NUMERIC)" }} AS phase3_{{ i }},
{% endfor %}
    IFNULL(LEAST(GREATEST(x.days_rest - x.opponent_days_rest, -2), 2), 0) AS rest_advantage,
    CASE LOWER(x.player_status)
      WHEN 'probable' THEN 1 WHEN 'questionable' THEN 2 WHEN 'doubtful' THEN 3 WHEN 'out' THEN 3 ELSE 0
    END AS injury_risk,
    {{ steps.format(x="g.trend", high="5", low="2") }} AS recent_trend,
    IFNULL(c.minutes_avg_last_10, g.minutes_mean_10) AS recent_minutes,
    g.minutes_mean_season,
    IF(x.home_game, 1, 0) AS home_away,
    IF(x.back_to_back, 1, 0) AS back_to_back,
    IF(LOWER(x.season_phase) = 'playoffs', 1, 0) AS playoff_game,
    IFNULL(g.free_throw_share, NUMERIC '0.15') AS pct_free_throw,
    IF(w.decided >= 5, {{ divide("w.wins", "w.decided") }}, NUMERIC '0.5') AS team_win_pct,
    COALESCE(x.impossible_context, g.impossible) AS impossible,
{% for code, alias in (("PSZA", "s"), ("PCF", "f"), ("PDC", "c")) %}
    {{ alias }}.player_lookup IS NOT NULL AS has_{{ code }},
    l.{{ code }}_failure,
{% endfor %}
    c.processed_at AS daily_cache_updated,
    f.processed_at AS composite_updated,
    s.processed_at AS shot_zones_updated,
    z.processed_at AS team_defense_updated,
    i.incomplete_reason
  FROM contexts AS x
  LEFT JOIN profiles AS g ON g.player_lookup = x.player_lookup AND x.d > g.shown_after AND x.d <= g.shown_until
  LEFT JOIN team_profiles AS w ON w.team_abbr = x.team_abbr AND x.d > w.shown_after AND x.d <= w.shown_until
  LEFT JOIN {{ t.TDZA }} AS z ON z.team_abbr = x.opponent_team_abbr AND z.analysis_date = x.d
  LEFT JOIN {{ t.PSZA }} AS s ON s.player_lookup = x.player_lookup AND s.analysis_date = x.d
  LEFT JOIN {{ t.PCF }} AS f ON f.player_lookup = x.player_lookup AND f.game_date = x.d
  LEFT JOIN {{ t.PDC }} AS c ON c.player_lookup = x.player_lookup AND c.cache_date = x.d
  LEFT JOIN logged AS l ON l.entity_id = x.player_lookup AND l.analysis_date = x.d
  LEFT JOIN incomplete AS i ON i.incomplete_date = x.d AND i.incomplete_entity = x.player_lookup
),
changes AS (
  SELECT *, {{ divide("recent_minutes - minutes_mean_season", "minutes_mean_season") }} AS minutes_ratio FROM matched
),
vectors AS (
  SELECT
    * EXCEPT (back_to_back),
{% for i, (name, phase4, phase3, default) in sourced.items() %}
    ROUND(CAST(COALESCE(phase4_{{ i }}, phase3_{{ i }}, {{ default }}) AS NUMERIC), 6) AS feature_{{ i }},
{% endfor %}
{% for i, name in calculated.items() if name != "minutes_change" %}
    ROUND(CAST({{ name }} AS NUMERIC), 6) AS feature_{{ i }},
{% endfor %}
    CAST(IF(recent_minutes = 0, 0, {{ steps.format(x="minutes_ratio", high="NUMERIC '0.20'", low="NUMERIC '0.10'") }}) AS NUMERIC)
      AS feature_12,
    {% for i in sourced %}{{ " + " if not loop.first }}IF(phase4_{{ i }} IS NULL, 0, 1){% endfor %} AS from_phase4,
    {% for i in sourced %}{{ " + " if not loop.first }}IF(phase4_{{ i }} IS NULL AND phase3_{{ i }} IS NOT NULL, 1, 0){% endfor %} AS from_phase3
  FROM changes
),
scored AS (
  SELECT
    *,
    ROUND({{ divide("825 + 100 * from_phase4 + 75 * from_phase3 + 40 * (16 - from_phase4 - from_phase3)", "25") }}, 2)
      AS feature_quality_score,
    CASE
      WHEN impossible IS NOT NULL THEN 'PROCESSING_ERROR'
      WHEN NOT (has_PSZA AND has_PCF AND has_PDC) THEN 'MISSING_DEPENDENCY'
      WHEN incomplete_reason IS NOT NULL THEN 'INCOMPLETE_DATA'
    END AS failure_category
  FROM vectors
),
result AS (
  SELECT
    *,
    d AS game_date,
    [{% for i in range(25) %}{{ ", " if not loop.first }}CAST(feature_{{ i }} AS FLOAT64){% endfor %}] AS features,
    {% for i in range(25) %}{{ " || ',' || " if not loop.first }}FORMAT('%.6f', feature_{{ i }}){% endfor %} AS features_text,
    [{% for i in range(25) %}{{ ", " if not loop.first }}'{{ sourced[i][0] if i in sourced else calculated[i] }}'{% endfor %}]
      AS feature_names,
    '{% for i in range(25) %}{{ "," if not loop.first }}{{ sourced[i][0] if i in sourced else calculated[i] }}{% endfor %}'
      AS feature_names_text,
    25 AS feature_count,
    'v1_baseline_25' AS feature_version,
    CASE
      WHEN feature_quality_score >= 95 THEN 'gold' WHEN feature_quality_score >= 75 THEN 'silver'
      WHEN feature_quality_score >= 50 THEN 'bronze' WHEN feature_quality_score >= 25 THEN 'poor' ELSE 'unusable'
    END AS quality_tier,
    home_game AS is_home,
    {# Of all 25 features: 90 %, then half, from Phase 4; else half from Phase 3, to which three always belong. #}
    CASE
      WHEN from_phase4 * 10 >= 225 THEN 'phase4' WHEN from_phase4 * 2 >= 25 THEN 'phase4_partial'
      WHEN (from_phase3 + 3) * 2 >= 25 THEN 'phase3' ELSE 'mixed'
    END AS data_source,
    FALSE AS early_season_flag,
{% for source in ("daily_cache", "composite", "shot_zones", "team_defense") %}
    {{ source }}_updated AS source_{{ source }}_last_updated,
    IF({{ source }}_updated IS NULL, 0, 1) AS source_{{ source }}_rows_found,
{% endfor %}
    CASE failure_category
      WHEN 'PROCESSING_ERROR' THEN impossible
      WHEN 'MISSING_DEPENDENCY' THEN 'no row for ' || CAST(d AS STRING) || ' in ' || ARRAY_TO_STRING([
        IF(has_PSZA, NULL, '{{ t.PSZA }}'), IF(has_PCF, NULL, '{{ t.PCF }}'), IF(has_PDC, NULL, '{{ t.PDC }}')
      ], ', ') || IFNULL(' (' || NULLIF(ARRAY_TO_STRING([
{% for code in ("PSZA", "PCF", "PDC") %}
        IF(has_{{ code }}, NULL, '{{ code }}: ' || {{ code }}_failure){{ "," if not loop.last }}
{% endfor %}
      ], '; '), '') || ')', '')
      WHEN 'INCOMPLETE_DATA' THEN incomplete_reason
    END AS failure_reason
  FROM scored
)
