{# What the checks of all five outputs share. They are meant to be plain: no windows per game, no epochs, nothing of the
   statements that they judge but what a played game and an impossible value are. #}

{# How many rows of each date break which checks: a digit per check, in the order of `checks`, which tells them line by line.
   A check is (name, what it needs, sentence, condition that holds where it is broken); what is unknown is not broken.
   Needed are the outputs of which a date must have something for it to be judged. #}
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

{# Whether a stored number is another one than a value held with more decimals; no number is as small as what stands for
   NULL. Half a unit of the last place is what rounding may take away, so that a tie may go either way. #}
{% macro differs(stored, value, scale) %}
ABS(IFNULL(CAST({{ stored }} AS FLOAT64), -1e9) - IFNULL({{ value }}, -1e9)) > {{ 0.5 * 10 ** -scale + 0.000001 }}
{%- endmacro %}

{# A value held within its limits. LEAST and GREATEST mean other things in other dialects where something is NULL. #}
{% macro clamp(value, limit) %}
CASE WHEN {{ value }} > {{ limit }} THEN {{ limit }} WHEN {{ value }} < -{{ limit }} THEN -{{ limit }} ELSE {{ value }} END
{%- endmacro %}

{# Whether two values differ that are either both unknown or must be the same. #}
{% macro unlike(a, b) %}
(({{ a }}) IS DISTINCT FROM ({{ b }}))
{%- endmacro %}

{# Whether one of these columns lies outside its range. #}
{% macro outside(low, high, columns) %}
{% for column in columns %}{{ " OR " if not loop.first }}{{ column }} < {{ low }} OR {{ column }} > {{ high }}{% endfor %}
{%- endmacro %}

{% macro float(value) %}CAST({{ value }} AS FLOAT64){% endmacro %}

{# A quotient, unknown when there is nothing to divide by. #}
{% macro quotient(a, b) %}(CAST({{ a }} AS FLOAT64) / NULLIF(CAST({{ b }} AS FLOAT64), 0)){% endmacro %}

{# The rows of a season that are games of their entity. Of several rows of one game the best inside the cut-off counts:
   a row counts on the dates after its own until `replaced_on`, the date of a better one. #}
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

{# The games before each (entity, d) of `asked`, newest = 1. #}
{% macro games_before(games, asked) %}
  SELECT
    a.d, g.*,
    ROW_NUMBER() OVER (PARTITION BY g.entity, a.d ORDER BY g.game_date DESC, g.game_id DESC) AS age
  FROM {{ asked }} AS a
  JOIN {{ games }} AS g
    ON g.entity = a.entity AND g.counts AND g.game_date < a.d AND (g.replaced_on IS NULL OR g.replaced_on >= a.d)
{% endmacro %}

{# The context row of every player and date of the season. #}
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
