{# Rows and failures of two versions, each by its change. DuckDB counts no NULL as NULL, BigQuery as 0. #}
both_rows AS (
  SELECT
    IFNULL(made.{{ table.partition }}, old.{{ table.partition }}) AS d,
    IFNULL(made.{{ table.entity }}, old.{{ table.entity }}) AS entity,
    CASE
      WHEN old.{{ table.partition }} IS NULL THEN 'added'
      WHEN made.{{ table.partition }} IS NULL THEN 'removed'
      WHEN made.data_hash != old.data_hash THEN 'changed'
      ELSE 'unchanged'
    END AS change
  FROM new_rows AS made
  FULL JOIN old_rows AS old ON old.{{ table.partition }} = made.{{ table.partition }} AND old.{{ table.entity }} = made.{{ table.entity }}
),
both_failures AS (
  SELECT
    IFNULL(made.analysis_date, old.analysis_date) AS d,
    IFNULL(made.entity_id, old.entity_id) AS entity,
    IFNULL(old.failure_category, '') AS old_category,
    IFNULL(made.failure_category, '') AS new_category,
    IFNULL(old.failure_reason, '') AS old_reason,
    IFNULL(made.failure_reason, '') AS new_reason,
    CASE
      WHEN old.analysis_date IS NULL THEN 'added'
      WHEN made.analysis_date IS NULL THEN 'removed'
      WHEN made.failure_category != old.failure_category OR made.failure_reason != old.failure_reason THEN 'changed'
      ELSE 'unchanged'
    END AS change
  FROM new_failures AS made
  FULL JOIN old_failures AS old ON old.analysis_date = made.analysis_date AND old.entity_id = made.entity_id
)
