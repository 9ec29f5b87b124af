{# Counts by date and column: NULL rows, zero rows, and distinct values (0, 1, 2 = more).
   Zeros and constants are counted only for columns that watch for them. #}
SELECT
  {{ partition }} AS d,
  COUNT(*) AS row_count,
{% for value, type, watched in columns %}
  COUNT(*) - COUNT({{ value }}) AS nulls_{{ loop.index0 }},
{% if "zero" not in watched or type == "STRING" %}
  0 AS zeros_{{ loop.index0 }},
{% else %}
  COUNTIF(IFNULL({{ "NOT " ~ value if type == "BOOL" else value ~ " = 0" }}, FALSE)) AS zeros_{{ loop.index0 }},
{% endif %}
  {{ "IF(MIN(" ~ value ~ ") = MAX(" ~ value ~ "), 1, IF(COUNT(" ~ value ~ ") = 0, 0, 2))" if "constant" in watched else 2 }} AS distinct_{{ loop.index0 }},
{% endfor %}
FROM {{ rows }}
{% if is_source %}
WHERE {{ in_season }}
{% endif %}
GROUP BY d
