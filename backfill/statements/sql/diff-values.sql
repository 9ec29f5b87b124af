{# Values that differ between two versions of the rows of a (date, entity): a row per column or array element,
   the first element is 1. `delta` is NULL for texts and where one value is NULL. #}
WITH
pairs AS (
  SELECT
    made.{{ table.partition }} AS d, made.{{ table.entity }} AS entity{% for c in columns + arrays %},
    made.{{ c.name }} AS new_{{ c.name }}, old.{{ c.name }} AS old_{{ c.name }}{% endfor %}

  FROM new_rows AS made
  JOIN old_rows AS old ON old.{{ table.partition }} = made.{{ table.partition }} AND old.{{ table.entity }} = made.{{ table.entity }}
  WHERE made.data_hash != old.data_hash
)
SELECT pairs.d, pairs.entity, value.name, 0 AS element, value.delta, value.old_text, value.new_text
FROM pairs, UNNEST([
{% for c in columns %}
  STRUCT(
    '{{ c.name }}' AS name, new_{{ c.name }} IS DISTINCT FROM old_{{ c.name }} AS is_changed,
    {{ "CAST(ABS(new_%s - old_%s) AS FLOAT64)" | format(c.name, c.name) if c.is_number else "CAST(NULL AS FLOAT64)" }} AS delta,
    {{ number_text(c, "old_" ~ c.name) }} AS old_text, {{ number_text(c, "new_" ~ c.name) }} AS new_text
  ){{ "" if loop.last else "," }}
{% endfor %}
]) AS value
WHERE value.is_changed
{% for c in arrays %}
UNION ALL
SELECT
  d, entity, '{{ c.name }}', n,
  {{ "ABS(new_%s[SAFE_ORDINAL(n)] - old_%s[SAFE_ORDINAL(n)])" | format(c.name, c.name) if c.is_number else "CAST(NULL AS FLOAT64)" }},
  CAST(old_{{ c.name }}[SAFE_ORDINAL(n)] AS STRING), CAST(new_{{ c.name }}[SAFE_ORDINAL(n)] AS STRING)
FROM pairs, UNNEST(GENERATE_ARRAY(1, GREATEST(IFNULL(ARRAY_LENGTH(old_{{ c.name }}), 0), IFNULL(ARRAY_LENGTH(new_{{ c.name }}), 0)))) AS n
WHERE new_{{ c.name }}[SAFE_ORDINAL(n)] IS DISTINCT FROM old_{{ c.name }}[SAFE_ORDINAL(n)]
{% endfor %}
