{# The games of one source, as all processors see them: `name` has one row per entity, epoch and game.

   Several rows of one (entity, game_id) are one game, and only rows inside the cut-off compete. Where they stand on
   different dates, which of them counts depends on the date analysed; such an entity gets an epoch per date of such
   a row, (valid_after, valid_until], and every window is taken within one epoch. All other entities have one epoch,
   without bounds. #}
{% macro games(name, source, entity) %}
{{ name }}_rows AS (
  SELECT
    *,
    MIN(game_date) OVER same_game < MAX(game_date) OVER same_game AS moved
  FROM {{ t[source] }}
  WHERE {{ in_season }}
  WINDOW same_game AS (PARTITION BY {{ entity }}, game_id)
),
{{ name }}_moves AS (
  SELECT DISTINCT {{ entity }}, game_date FROM {{ name }}_rows WHERE moved
),
{{ name }}_epochs AS (
  SELECT
    {{ entity }} AS epoch_entity,
    game_date AS valid_after,
    LEAD(game_date) OVER (PARTITION BY {{ entity }} ORDER BY game_date) AS valid_until
  FROM {{ name }}_moves
  UNION ALL
  SELECT {{ entity }}, NULL, MIN(game_date) FROM {{ name }}_moves GROUP BY {{ entity }}
),
{{ name }} AS (
  SELECT
    *,
    {{ impossible(source) }} AS impossible
  FROM {{ name }}_rows
  LEFT JOIN {{ name }}_epochs ON epoch_entity = {{ entity }}
  WHERE NOT moved OR game_date <= valid_after
  QUALIFY ROW_NUMBER() OVER (PARTITION BY {{ entity }}, valid_after, game_id ORDER BY {{ newest_first(source) }}) = 1
)
{% endmacro %}

{# The played games of all players: one definition, so that the processors' game counts agree. #}
{% macro played_games() %}
{{ games("games", "PGS", "player_lookup") }},
played AS (
  SELECT * FROM games
  WHERE is_active AND {{ took_part }}
)
{% endmacro %}

{# The windows of one entity, oldest game first. #}
{% macro sequence(entity) %}
  WINDOW
    seq AS (PARTITION BY {{ entity }}, valid_after ORDER BY game_date, game_id),
    season AS (seq ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW),
{% for games in windows %}
    last_{{ games }} AS (seq ROWS BETWEEN {{ games - 1 }} PRECEDING AND CURRENT ROW){{ "," if not loop.last }}
{% endfor %}
{% endmacro %}

{# Columns of a windows CTE that say for which dates a row is the newest game: (shown_after, shown_until]. #}
{% macro validity() %}
    GREATEST(game_date, IFNULL(valid_after, game_date)) AS shown_after,
    LEAST(
      IFNULL(LEAD(game_date) OVER seq, DATE '9999-12-31'), IFNULL(valid_until, DATE '9999-12-31')
    ) AS shown_until
{% endmacro %}

{# Whether a row of `games` counts on date d; see `games`. #}
{% macro within_epoch(g="", a="") %}
({{ g }}valid_after IS NULL OR {{ g }}valid_after < {{ a }}d) AND ({{ g }}valid_until IS NULL OR {{ g }}valid_until >= {{ a }}d)
{%- endmacro %}

{% macro total(value, window) %}
CAST(SUM({{ value }}) OVER {{ window }} AS INT64)
{%- endmacro %}

{# Sum of makes over the rows whose attempts are known, so that a ratio cannot pass 1. #}
{% macro total_known(value, known, window) %}
{{ total("IF(" ~ known ~ " IS NULL, NULL, " ~ value ~ ")", window) }}
{%- endmacro %}

{# Sum and count of the known values, and the mean that they make; NULL when none is known. #}
{% macro sums(name, column, window) %}
SUM({{ column }}) OVER {{ window }} AS {{ name }}_sum, COUNT({{ column }}) OVER {{ window }} AS {{ name }}_count
{%- endmacro %}

{% macro mean(name) %}
{{ divide(name ~ "_sum", name ~ "_count") }}
{%- endmacro %}

{% macro divide(a, b) %}
SAFE_DIVIDE(CAST({{ a }} AS NUMERIC), {{ b }})
{%- endmacro %}

{# Rank of a context row among those of its entity and date: the latest processed_at, then the highest game_id. #}
{% macro newest_context(entity, source) %}
ROW_NUMBER() OVER (PARTITION BY {{ entity }}, d ORDER BY processed_at DESC, game_id DESC, {{ newest_first(source) }})
{%- endmacro %}

{# The context row of each player and date. #}
{% macro contexts() %}
contexts AS (
  SELECT *, {{ impossible("UPGC") }} AS impossible_context
  FROM {{ t.UPGC }}
  JOIN UNNEST(@dates) AS d ON game_date = d
  WHERE TRUE
  QUALIFY {{ newest_context("player_lookup", "UPGC") }} = 1
)
{% endmacro %}

{# Normal mode: of a team's newest games, how many the entity has; `incomplete` lists who has too few.
   `asked` has columns d, entity and team; `name` is a CTE of `games`. #}
{% macro completeness(asked, name, entity) %}
team_schedule AS (
  SELECT d, team, game_id, MAX(game_date) AS game_date
  FROM UNNEST(@dates) AS d
  JOIN {{ t.SCHED }} ON game_date >= @season_start AND game_date < d
  CROSS JOIN UNNEST([home_team_abbr, away_team_abbr]) AS team
  WHERE NOT @backfill_mode
    AND DATE_DIFF(d, @season_start, DAY) >= {{ complete.first_day }}
    AND game_status = {{ final }}
    AND season_type IN ({{ season_types }})
  GROUP BY d, team, game_id
),
recent_schedule AS (
  SELECT d, team, COUNT(*) AS expected, MIN(game_date) AS first_date
  FROM (
    SELECT * FROM team_schedule WHERE TRUE
    QUALIFY ROW_NUMBER() OVER (PARTITION BY d, team ORDER BY game_date DESC, game_id DESC) <= {{ complete.games }}
  )
  GROUP BY d, team
),
recent_games AS (
  SELECT a.d, a.entity, r.expected, LEAST(r.expected, COUNT(g.game_id)) AS found
  FROM {{ asked }} AS a
  JOIN recent_schedule AS r ON r.d = a.d AND r.team = a.team
  LEFT JOIN {{ name }} AS g
    ON g.{{ entity }} = a.entity
    AND g.game_date >= r.first_date AND g.game_date < a.d
    AND {{ within_epoch("g.", "a.") }}
  GROUP BY a.d, a.entity, r.expected
),
incomplete AS (
  SELECT
    d AS incomplete_date,
    entity AS incomplete_entity,
    CAST(found AS STRING) || ' of ' || CAST(expected AS STRING) || ' recent team games found, {{ 10 * complete.required_tenths }} % required'
      AS incomplete_reason
  FROM recent_games
  WHERE found * 10 < expected * {{ complete.required_tenths }}
)
{% endmacro %}

{# The reason of too few games. #}
{% macro too_few(n, minimum) %}
CAST({{ n }} AS STRING) || ' of {{ minimum }} games before ' || CAST(d AS STRING)
{%- endmacro %}

{# The label of the first step that a number reaches; steps are (label, number), the highest first. #}
{% macro grade(value, steps, otherwise) %}
CASE {% for label, least in steps %}WHEN {{ value }} >= {{ least }} THEN '{{ label }}' {% endfor %}ELSE '{{ otherwise }}' END
{%- endmacro %}
