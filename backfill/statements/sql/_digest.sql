{# One hash of a whole row: the values of its columns, each behind a sign that it is not NULL. Floats count to nine decimals. #}
{% macro row_digest(table) %}
TO_HEX(SHA256(ARRAY_TO_STRING([
{% for column in table.columns %}
    IFNULL('=' || {{ text(column) }}, ''){{ "," if not loop.last }}
{% endfor %}
  ], '|')))
{%- endmacro %}

{# A value as text that is the same on every warehouse. #}
{% macro text(column) %}
{% if column.type == "ARRAY<FLOAT64>" -%}
ARRAY_TO_STRING(ARRAY(SELECT FORMAT('%.9f', CAST(x AS NUMERIC)) FROM UNNEST({{ column.name }}) AS x WITH OFFSET AS o ORDER BY o), ',')
{%- elif column.type == "ARRAY<STRING>" -%}
ARRAY_TO_STRING({{ column.name }}, ',')
{%- elif column.type == "TIMESTAMP" -%}
CAST(UNIX_MICROS({{ column.name }}) AS STRING)
{%- elif column.type == "STRING" -%}
{{ column.name }}
{%- else -%}
{{ number_text(column, column.name) }}
{%- endif %}
{%- endmacro %}
