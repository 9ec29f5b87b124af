{# Counts by date (or by team, as `partition`) and column: NULL rows, zero rows, distinct values (0, 1, 2 = more), and the value if it is the only one.
   `team` is the column of the team, empty where rows have none. #}
SELECT
  {{ partition }} AS d,
  COUNT(*) AS row_count,
  {{ "COUNT(DISTINCT " ~ team ~ ")" if team else "0" }} AS teams,
{% for value, type in columns %}
  COUNT(*) - COUNT({{ value }}) AS nulls_{{ loop.index0 }},
{% if type == "STRING" %}
  0 AS zeros_{{ loop.index0 }},
{% else %}
  COUNTIF(IFNULL({{ "NOT " ~ value if type == "BOOL" else value ~ " = 0" }}, FALSE)) AS zeros_{{ loop.index0 }},
{% endif %}
  CASE WHEN COUNT({{ value }}) = 0 THEN 0 WHEN MIN({{ value }}) = MAX({{ value }}) THEN 1 ELSE 2 END AS distinct_{{ loop.index0 }},
  CAST(MIN({{ value }}) AS STRING) AS value_{{ loop.index0 }}{{ "," if not loop.last }}
{% endfor %}
FROM {{ rows }}
{% if is_source %}
WHERE {{ in_season }}
{% endif %}
GROUP BY d
