{# ML: one row per date and player with a context row. Sources: PGS and TOGS before the date; UPGC, TDZA, PSZA, PCF
   and PDC of it. Each feature takes its Phase 4 value, else its Phase 3 value, else its default. #}
{% from "_macros.sql" import contexts, played_games, games, sequence, validity, total, total_known, sums, mean, divide,
   completeness with context %}
{# Per feature its place and its values of Phase 4 and of Phase 3. #}
{% set values = {
  0: ("c.points_avg_last_5", "g.points_mean_5"),
  1: ("c.points_avg_last_10", "g.points_mean_10"),
  2: ("c.points_avg_season", "g.points_mean_season"),
  3: ("c.points_std_last_10", none),
  4: ("c.games_in_last_7_days", none),
  5: ("f.fatigue_score", none),
  6: ("f.shot_zone_mismatch_score", none),
  7: ("f.pace_score", none),
  8: ("f.usage_spike_score", none),
  13: ("z.defensive_rating_last_15", none),
  14: ("z.opponent_pace", none),
  18: (divide("s.paint_rate_last_10", "100"), none),
  19: (divide("s.mid_range_rate_last_10", "100"), none),
  20: (divide("s.three_pt_rate_last_10", "100"), none),
  22: ("c.team_pace_last_10", none),
  23: ("c.team_off_rating_last_10", none),
} %}
{% set defaults = dict(numbers.defaults) %}
{% set short, sample = "last_%d" % numbers.short_games, "last_%d" % numbers.sample_games %}
{% set gold, silver, bronze, poor = numbers.tiers %}
{# The score of the nine other features: six are calculated, three come from Phase 3 alone. #}
{% set calculated = 6 * numbers.phase4_weight + 3 * numbers.phase3_weight %}
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
{% for name, column, window in (("points_5", "points", short), ("points_10", "points", sample),
    ("points_season", "points", "season"), ("minutes_10", "minutes_played", sample),
    ("minutes_season", "minutes_played", "season")) %}
    {{ sums(name, column, window) }},
{% endfor %}
    {{ total_known("ft_makes", "points", sample) }} AS free_throws,
    {{ total_known("points", "ft_makes", sample) }} AS free_throw_points
  FROM played
  {{ sequence("player_lookup") }}
),
profiles AS (
  SELECT
    player_lookup, shown_after, shown_until, n, impossible,
    IF(n >= {{ numbers.short_games }}, {{ mean("points_5") }}, NULL) AS points_mean_5,
    {{ mean("points_10") }} AS points_mean_10,
    {{ mean("points_season") }} AS points_mean_season,
    {{ mean("minutes_10") }} AS minutes_mean_10,
    {{ mean("minutes_season") }} AS minutes_mean_season,
    IF(n >= {{ numbers.trend_games }}, {{ divide("points_1 + points_2 + points_3", "3") }} - {{ divide("points_4 + points_5", "2") }}, NULL) AS trend,
    IF(n >= {{ numbers.free_throw_games }}, LEAST({{ divide("free_throws", "free_throw_points") }}, NUMERIC '{{ numbers.free_throw_limit }}'), NULL) AS free_throw_share
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
{% for i, (phase4, phase3) in values.items() %}
    {{ phase4 }} AS phase4_{{ i }},
    {{ phase3 or "CAST(NULL AS NUMERIC)" }} AS phase3_{{ i }},
{% endfor %}
    IFNULL(LEAST(GREATEST(x.days_rest - x.opponent_days_rest, -{{ numbers.rest_limit }}), {{ numbers.rest_limit }}), 0) AS rest_advantage,
    CASE LOWER(x.player_status)
      WHEN 'probable' THEN 1 WHEN 'questionable' THEN 2 WHEN 'doubtful' THEN 3 WHEN 'out' THEN 3 ELSE 0
    END AS injury_risk,
    {{ steps.format(x="g.trend", high=numbers.trend_points[0], low=numbers.trend_points[1]) }} AS recent_trend,
    IFNULL(c.minutes_avg_last_10, g.minutes_mean_10) AS recent_minutes,
    g.minutes_mean_season,
    IF(x.home_game, 1, 0) AS home_away,
    IF(x.back_to_back, 1, 0) AS back_to_back,
    IF(LOWER(x.season_phase) = 'playoffs', 1, 0) AS playoff_game,
    IFNULL(g.free_throw_share, NUMERIC '{{ numbers.free_throw_default }}') AS pct_free_throw,
    IF(w.decided >= {{ numbers.team_games }}, {{ divide("w.wins", "w.decided") }}, NUMERIC '{{ numbers.win_share_default }}') AS team_win_pct,
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
{% for i, (phase4, phase3) in values.items() %}
    ROUND(CAST(COALESCE(phase4_{{ i }}, phase3_{{ i }}, {{ defaults[features[i]] }}) AS NUMERIC), 6) AS feature_{{ i }},
{% endfor %}
{% for name in features if name not in defaults and name != "minutes_change" %}
    {% set i = features.index(name) %}
    ROUND(CAST({{ name }} AS NUMERIC), 6) AS feature_{{ i }},
{% endfor %}
    CAST(IF(recent_minutes = 0, 0, {{ steps.format(x="minutes_ratio", high="NUMERIC '%s'" % numbers.minutes_ratios[0],
      low="NUMERIC '%s'" % numbers.minutes_ratios[1]) }}) AS NUMERIC)
      AS feature_12,
    {% for i in values %}{{ " + " if not loop.first }}IF(phase4_{{ i }} IS NULL, 0, 1){% endfor %} AS from_phase4,
    {% for i in values %}{{ " + " if not loop.first }}IF(phase4_{{ i }} IS NULL AND phase3_{{ i }} IS NOT NULL, 1, 0){% endfor %} AS from_phase3
  FROM changes
),
scored AS (
  SELECT
    *,
    ROUND({{ divide("%d + %d * from_phase4 + %d * from_phase3 + %d * (%d - from_phase4 - from_phase3)" % (calculated, numbers.phase4_weight,
      numbers.phase3_weight, numbers.default_weight, values | length), numbers.features) }}, 2)
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
    [{% for i in range(numbers.features) %}{{ ", " if not loop.first }}CAST(feature_{{ i }} AS FLOAT64){% endfor %}] AS features,
    {% for i in range(numbers.features) %}{{ " || ',' || " if not loop.first }}FORMAT('%.6f', feature_{{ i }}){% endfor %} AS features_text,
    [{% for i in range(numbers.features) %}{{ ", " if not loop.first }}'{{ features[i] }}'{% endfor %}]
      AS feature_names,
    '{% for i in range(numbers.features) %}{{ "," if not loop.first }}{{ features[i] }}{% endfor %}'
      AS feature_names_text,
    {{ numbers.features }} AS feature_count,
    '{{ numbers.version }}' AS feature_version,
    CASE
      WHEN feature_quality_score >= {{ gold[1] }} THEN '{{ gold[0] }}' WHEN feature_quality_score >= {{ silver[1] }} THEN '{{ silver[0] }}'
      WHEN feature_quality_score >= {{ bronze[1] }} THEN '{{ bronze[0] }}' WHEN feature_quality_score >= {{ poor[1] }} THEN '{{ poor[0] }}' ELSE 'unusable'
    END AS quality_tier,
    home_game AS is_home,
    {# Of all 25 features: 90 %, then half, from Phase 4; else half from Phase 3, to which three always belong. #}
    CASE
      WHEN from_phase4 * 10 >= {{ 9 * numbers.features }} THEN 'phase4' WHEN from_phase4 * 2 >= {{ numbers.features }} THEN 'phase4_partial'
      WHEN (from_phase3 + 3) * 2 >= {{ numbers.features }} THEN 'phase3' ELSE 'mixed'
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
