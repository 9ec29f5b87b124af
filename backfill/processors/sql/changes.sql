{# The staged rows and failures against those that they replace, per date: `kind` is rows or failures.
   `context` counts the unchanged ones whose columns outside the hash, times aside, or whose reason differ.
   DuckDB counts no NULL as NULL, BigQuery as 0. #}
{% set context = context_text(processor.output) %}
WITH
old AS (
  SELECT 'rows' AS kind, {{ processor.output.partition }} AS d, {{ processor.output.entity }} AS entity, data_hash AS content, {{ context }} AS context
  FROM {{ old_output if old_output is defined else processor.output }}
  WHERE {{ processor.output.partition }} IN UNNEST(@dates)
  UNION ALL
  SELECT 'failures', analysis_date, entity_id, failure_category, failure_reason
  FROM {{ old_failures if old_failures is defined else t.FAILURES }}
  WHERE processor_name = '{{ processor.name }}' AND analysis_date IN UNNEST(@dates)
),
written_failures AS (
{% include "failures.sql" %}
),
made AS (
  SELECT 'rows' AS kind, {{ processor.output.partition }} AS d, {{ processor.output.entity }} AS entity, data_hash AS content, {{ context }} AS context
  FROM staged
  WHERE {{ processor.output.partition }} IS NOT NULL AND failure_category IS NULL
  UNION ALL
  SELECT 'failures', analysis_date, entity_id, failure_category, failure_reason
  FROM written_failures
)
SELECT
  IFNULL(made.kind, old.kind) AS kind,
  IFNULL(made.d, old.d) AS d,
  COUNTIF(old.d IS NULL) AS added,
  COUNTIF(made.d IS NULL) AS removed,
  COUNTIF(IFNULL(made.content != old.content, FALSE)) AS changed,
  COUNTIF(IFNULL(made.content = old.content, FALSE)) AS unchanged,
  COUNTIF(IFNULL(made.content = old.content AND made.context != old.context, FALSE)) AS context
FROM made
FULL JOIN old ON old.kind = made.kind AND old.d = made.d AND old.entity = made.entity
GROUP BY IFNULL(made.kind, old.kind), IFNULL(made.d, old.d)
