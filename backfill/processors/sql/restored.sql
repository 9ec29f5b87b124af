{# The rows and failures of versions, in the shape of a processor's accounted statement. #}
{% set output = processor.output %}
SELECT
  {{ output.names | join(", ") }},
  CAST(NULL AS STRING) AS failure_category, CAST(NULL AS STRING) AS failure_reason, CAST(NULL AS BOOL) AS can_retry,
  {{ output.partition }} AS expected_date, {{ output.entity }} AS expected_entity
FROM version_rows
UNION ALL
SELECT
  {% for column in output.columns %}
  {% if column.name == output.partition %}analysis_date{% elif column.name == output.entity %}entity_id{% else %}NULL{% endif %} AS {{ column.name }},
  {% endfor %}
  failure_category, failure_reason, can_retry,
  analysis_date AS expected_date, entity_id AS expected_entity
FROM version_failures
WHERE entity_id <> '{{ date_level }}'
