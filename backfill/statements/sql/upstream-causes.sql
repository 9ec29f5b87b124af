{# How many MISSING_DEPENDENCY entities of each processor and date have which failure, or row, upstream. #}
WITH
failures AS (
  SELECT processor_name, analysis_date AS d, entity_id AS entity, failure_category
  FROM {{ t.FAILURES }}
  WHERE analysis_date IN UNNEST(@dates) AND entity_id <> '{{ date_level }}'
),
required AS (
{% for p, before in needed %}
  SELECT '{{ p.name }}' AS processor_name, '{{ before.name }}' AS before_name
  {{ "UNION ALL" if not loop.last }}
{% endfor %}
),
{# Who has a row, of each processor that another needs. #}
present AS (
{% for p in needed | map(attribute=1) | unique(attribute="code") %}
  SELECT '{{ p.name }}' AS before_name, {{ p.output.partition }} AS d, {{ p.output.entity }} AS entity FROM {{ p.output }} WHERE {{ p.output.partition }} IN UNNEST(@dates)
  {{ "UNION ALL" if not loop.last }}
{% endfor %}
),
traced AS (
  SELECT
    m.processor_name, m.d, m.entity,
    CASE
{% for category in order %}
      WHEN COUNTIF(f.failure_category = '{{ category }}') > 0 THEN '{{ category }}'
{% endfor %}
      WHEN COUNT(p.entity) = COUNT(*) THEN '{{ has_row }}'
      ELSE '{{ has_nothing }}'
    END AS cause
  FROM failures AS m
  JOIN required AS r ON r.processor_name = m.processor_name
  LEFT JOIN failures AS f ON f.processor_name = r.before_name AND f.d = m.d AND f.entity = m.entity
  LEFT JOIN present AS p ON p.before_name = r.before_name AND p.d = m.d AND p.entity = m.entity
  WHERE m.failure_category = '{{ missing.name }}'
  GROUP BY m.processor_name, m.d, m.entity
)
SELECT processor_name, d, cause, COUNT(*) AS n
FROM traced
GROUP BY processor_name, d, cause
