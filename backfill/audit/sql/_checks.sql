{# Macros shared by the checks of all outputs. Kept simple and independent of the processors' statements: they share only
   the definitions of a played game and of an impossible value. #}

{# Counts of rows by date and by broken checks: a digit per check, in the order of `checks`.
   A check is (name, needed outputs, sentence, condition that is true where it is broken); unknown is not broken.
   A check is skipped on dates without rows in its needed outputs. #}
{% macro broken(rows, partition, entity, checks) %}
SELECT
  d, broken, COUNT(*) AS n, MIN(entity) AS sample,
  '{% for name, needs, sentence, condition in checks %}{{ name }}|{{ needs }}|{{ sentence }}{{ ";" if not loop.last }}{% endfor %}' AS checks
FROM (
  SELECT
    {{ partition }} AS d,
    {{ entity }} AS entity,
    ARRAY_TO_STRING([
{% for name, needs, sentence, condition in checks %}
      IF({{ condition }}, '1', '0'){{ "," if not loop.last }}
{% endfor %}
    ], '') AS broken
  FROM {{ rows }}
)
GROUP BY d, broken
{% endmacro %}

{# True if a stored number differs from an unrounded value. The stand-in for NULL is smaller than every number. The
   tolerance is half a unit of the last place, so ties may round either way. #}
{% macro differs(stored, value, scale) %}
ABS(IFNULL(CAST({{ stored }} AS FLOAT64), -1e9) - IFNULL({{ value }}, -1e9)) > {{ 0.5 * 10 ** -scale + 0.000001 }}
{%- endmacro %}

{# Clamp a value. LEAST and GREATEST treat NULL differently in other dialects. #}
{% macro clamp(value, limit) %}
CASE WHEN {{ value }} > {{ limit }} THEN {{ limit }} WHEN {{ value }} < -{{ limit }} THEN -{{ limit }} ELSE {{ value }} END
{%- endmacro %}

{# True if two values differ; NULL equals NULL. #}
{% macro unlike(a, b) %}
(({{ a }}) IS DISTINCT FROM ({{ b }}))
{%- endmacro %}

{# True if one of these columns is outside its range. #}
{% macro outside(low, high, columns) %}
{% for column in columns %}{{ " OR " if not loop.first }}{{ column }} < {{ low }} OR {{ column }} > {{ high }}{% endfor %}
{%- endmacro %}

{% macro float(value) %}CAST({{ value }} AS FLOAT64){% endmacro %}

{# Quotient, NULL for a zero divisor. #}
{% macro quotient(a, b) %}(CAST({{ a }} AS FLOAT64) / NULLIF(CAST({{ b }} AS FLOAT64), 0)){% endmacro %}

{# Game rows of a season by entity. Of several rows of one game, the best one before the cut-off is used:
   a row is used on the dates after its own until `replaced_on`, the date of a better one. #}
{% macro rows_of_games(source, entity, columns, condition="TRUE") %}
  SELECT
    {{ entity }} AS entity, game_date, game_id, {{ columns }},
    {{ condition }} AS counts,
    MIN(game_date) OVER (
      PARTITION BY {{ entity }}, game_id ORDER BY {{ newest_first(source) }} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS replaced_on
  FROM {{ t[source] }}
  WHERE {{ in_season }}
{% endmacro %}

{# Games before each (entity, d) of `asked`, newest = 1. #}
{% macro games_before(games, asked) %}
  SELECT
    a.d, g.*,
    ROW_NUMBER() OVER (PARTITION BY g.entity, a.d ORDER BY g.game_date DESC, g.game_id DESC) AS age
  FROM {{ asked }} AS a
  JOIN {{ games }} AS g
    ON g.entity = a.entity AND g.counts AND g.game_date < a.d AND (g.replaced_on IS NULL OR g.replaced_on >= a.d)
{% endmacro %}

{# Context row of every player and date of the season. #}
{% macro contexts() %}
contexts AS (
  SELECT
    player_lookup AS context_player, game_date AS context_date, universal_player_id AS context_player_id,
    game_id AS context_game_id, team_abbr, opponent_team_abbr AS context_opponent, home_game, days_rest AS context_days_rest,
    back_to_back, games_in_last_7_days, games_in_last_14_days, back_to_backs_last_14_days, minutes_in_last_7_days,
    minutes_in_last_14_days, avg_minutes_per_game_last_7, fourth_quarter_minutes_last_7, player_age, projected_usage_rate,
    avg_usage_rate_last_7_games, star_teammates_out, pace_differential, opponent_days_rest, player_status, season_phase
  FROM {{ t.UPGC }}
  WHERE {{ in_season }}
  QUALIFY ROW_NUMBER() OVER (
    PARTITION BY player_lookup, game_date ORDER BY processed_at DESC, game_id DESC, {{ newest_first("UPGC") }}
  ) = 1
)
{% endmacro %}
