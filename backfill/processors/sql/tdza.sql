{# TDZA: one row per date and team with a game before it in the season. Sources: TDGS (and SCHED in normal mode).
   Windows: the sample of the team's newest games; the league's last days, else its season. #}
{% from "_macros.sql" import games, sequence, validity, within_epoch, total, total_known, divide, completeness, too_few,
   grade
   with context %}
{% set zones = ("paint", "mid_range", "three_pt") %}
{% set constants = dict(numbers.league_defaults) %}
{% set sample = "last_%d" % numbers.sample_games %}
{% set in_league = "game_date >= DATE_SUB(d, INTERVAL %d DAY)" % numbers.league_days %}
{{ games("defense", "TDGS", "defending_team_abbr") }},
windows AS (
  SELECT
    defending_team_abbr AS team_abbr,
    {{ validity() }},
    COUNT(*) OVER season AS n,
    COUNT(*) OVER {{ sample }} AS n_15,
    LAST_VALUE(impossible IGNORE NULLS) OVER {{ sample }} AS impossible,
{% for zone in zones %}
    {{ total("opp_" ~ zone ~ "_attempts", sample) }} AS {{ zone }}_attempts,
    {{ total_known("opp_" ~ zone ~ "_makes", "opp_" ~ zone ~ "_attempts", sample) }} AS {{ zone }}_makes,
    {{ total("blocks_" ~ zone, sample) }} AS {{ zone }}_blocks,
{% endfor %}
    {{ total("points_in_paint_allowed", sample) }} AS paint_points,
    {{ total("points_allowed", sample) }} AS points,
    SUM(defensive_rating) OVER {{ sample }} AS ratings,
    COUNT(defensive_rating) OVER {{ sample }} AS rated,
    SUM(opponent_pace) OVER {{ sample }} AS paces,
    COUNT(opponent_pace) OVER {{ sample }} AS paced,
    MAX(processed_at) OVER {{ sample }} AS last_updated
  FROM defense
  {{ sequence("defending_team_abbr") }}
),
profiles AS (
  SELECT
    team_abbr, shown_after, shown_until, n, n_15, impossible, last_updated,
{% for zone in zones %}
    {{ divide(zone ~ "_makes", zone ~ "_attempts") }} AS {{ zone }}_pct,
    ROUND({{ divide(zone ~ "_attempts", "n_15") }}, 1) AS {{ zone }}_attempts_allowed_per_game,
    ROUND({{ divide(zone ~ "_blocks", "n_15") }}, 1) AS {{ zone }}_blocks_per_game,
{% endfor %}
    ROUND({{ divide("paint_points", "n_15") }}, 1) AS paint_points_allowed_per_game,
    ROUND({{ divide("points", "n_15") }}, 1) AS opponent_points_per_game,
    ROUND({{ divide("ratings", "rated") }}, 2) AS defensive_rating_last_15,
    ROUND({{ divide("paces", "paced") }}, 1) AS opponent_pace
  FROM windows
),
{# Bad rows stay out of the averages, where they would touch every team. #}
league_sums AS (
  SELECT
    d, defending_team_abbr,
    COUNTIF({{ in_league }}) AS recent_games,
{% for zone in zones %}
{% for span, condition in (("recent", in_league), ("season", "TRUE")) %}
    SUM(IF({{ condition }}, opp_{{ zone }}_attempts, NULL)) AS {{ span }}_{{ zone }}_attempts,
    SUM(IF({{ condition }} AND opp_{{ zone }}_attempts IS NOT NULL, opp_{{ zone }}_makes, NULL)) AS {{ span }}_{{ zone }}_makes,
{% endfor %}
{% endfor %}
  FROM UNNEST(@dates) AS d
  JOIN defense ON game_date < d AND {{ within_epoch() }}
  WHERE impossible IS NULL
  GROUP BY d, defending_team_abbr
),
league_shares AS (
  SELECT
    d,
{% for zone in zones %}
    IF(recent_games >= {{ numbers.league_games }}, {{ divide("recent_" ~ zone ~ "_makes", "recent_" ~ zone ~ "_attempts") }}, NULL)
      AS recent_{{ zone }}_pct,
    {{ divide("season_" ~ zone ~ "_makes", "season_" ~ zone ~ "_attempts") }} AS season_{{ zone }}_pct,
{% endfor %}
  FROM league_sums
),
league_means AS (
  SELECT
    d,
{% for zone in zones %}
{% for span in ("recent", "season") %}
    COUNT({{ span }}_{{ zone }}_pct) AS {{ span }}_{{ zone }}_teams,
    SUM({{ span }}_{{ zone }}_pct) AS {{ span }}_{{ zone }}_sum,
{% endfor %}
{% endfor %}
  FROM league_shares
  GROUP BY d
),
league AS (
  SELECT
    d AS league_date,
{% for zone in zones %}
    CASE
      WHEN recent_{{ zone }}_teams >= {{ numbers.league_teams }} THEN {{ divide("recent_" ~ zone ~ "_sum", "recent_" ~ zone ~ "_teams") }}
      WHEN season_{{ zone }}_teams >= 1 THEN {{ divide("season_" ~ zone ~ "_sum", "season_" ~ zone ~ "_teams") }}
    END AS {{ zone }}_league,
    CASE
      WHEN recent_{{ zone }}_teams >= {{ numbers.league_teams }} THEN NULL
      WHEN season_{{ zone }}_teams >= 1 THEN '{{ zone }}: season league average'
      ELSE '{{ zone }}: constant league average'
    END AS {{ zone }}_note,
{% endfor %}
  FROM league_means
),
newest AS (
  SELECT
    *,
{% for zone in zones %}
    ({{ zone }}_pct - IFNULL({{ zone }}_league, NUMERIC '{{ constants[zone] }}')) * 100 AS {{ zone }}_vs,
{% endfor %}
  FROM UNNEST(@dates) AS d
  JOIN profiles ON d > shown_after AND d <= shown_until
  LEFT JOIN league ON league_date = d
),
asked AS (
  SELECT d, team_abbr AS entity, team_abbr AS team FROM newest
),
{{ completeness("asked", "defense", "defending_team_abbr") }},
judged AS (
  SELECT
    *,
{% for name, function, far in (("lowest", "LEAST", "1000"), ("highest", "GREATEST", "-1000")) %}
    {{ function }}(
      {%- for zone in zones %}{{ ", " if not loop.first }}IFNULL({{ zone }}_vs, {{ far }}){% endfor -%}
    ) AS {{ name }},
{% endfor %}
    CASE
      WHEN impossible IS NOT NULL THEN 'PROCESSING_ERROR'
      WHEN n < {{ numbers.sample_games }} THEN 'INSUFFICIENT_DATA'
      WHEN incomplete_reason IS NOT NULL THEN 'INCOMPLETE_DATA'
    END AS failure_category
  FROM newest
  LEFT JOIN incomplete ON incomplete_date = d AND incomplete_entity = team_abbr
),
result AS (
  SELECT
    *,
    d AS analysis_date,
{% for zone in zones %}
    ROUND({{ zone }}_pct, 3) AS {{ zone }}_pct_allowed_last_15,
    ROUND(CAST({{ zone }}_vs AS NUMERIC), 2) AS {{ zone }}_defense_vs_league_avg,
{% endfor %}
    n_15 AS games_in_sample,
{% for zone, end in (("strongest", "lowest"), ("weakest", "highest")) %}
    CASE
      WHEN paint_vs = {{ end }} THEN 'paint'
      WHEN mid_range_vs = {{ end }} THEN 'mid_range'
      WHEN three_pt_vs = {{ end }} THEN 'perimeter'
    END AS {{ zone }}_zone,
{% endfor %}
    {{ grade("n_15", (("high", numbers.sample_games), ("medium", numbers.medium_tier_games)), "low") }} AS data_quality_tier,
    NULLIF(ARRAY_TO_STRING([
{% for zone in zones %}
      IF({{ zone }}_pct IS NULL, '{{ zone }}: no attempts in sample',
        IF(league_date IS NULL, '{{ zone }}: constant league average', {{ zone }}_note)){{ "," if not loop.last }}
{% endfor %}
    ], '; '), '') AS calculation_notes,
    FALSE AS early_season_flag,
    last_updated AS source_team_defense_last_updated,
    n_15 AS source_team_defense_rows_found,
    CASE failure_category
      WHEN 'PROCESSING_ERROR' THEN impossible
      WHEN 'INSUFFICIENT_DATA' THEN {{ too_few("n", numbers.sample_games) }}
      WHEN 'INCOMPLETE_DATA' THEN incomplete_reason
    END AS failure_reason
  FROM judged
)
