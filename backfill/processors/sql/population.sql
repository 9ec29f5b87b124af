{# Who must be accounted for on each date, found without the windows of the processor that is checked. #}
{% from "_macros.sql" import games, played_games, within_epoch with context %}
{% if processor.population.short == "UPGC" %}
SELECT DISTINCT d, player_lookup AS entity FROM {{ t.UPGC }} JOIN UNNEST(@dates) AS d ON game_date = d
{% else %}
{% set source, entity = ("played", "player_lookup") if processor.population.short == "PGS" else ("games", processor.population.key[0]) %}
WITH
{{ played_games() if source == "played" else games("games", processor.population.short, entity) }},
firsts AS (
  SELECT {{ entity }} AS entity, valid_after, valid_until, MIN(game_date) AS first_date
  FROM {{ source }}
  GROUP BY entity, valid_after, valid_until
)
SELECT d, entity FROM UNNEST(@dates) AS d JOIN firsts ON first_date < d AND {{ within_epoch() }}
{% endif %}
