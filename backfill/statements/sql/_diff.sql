{# Rows and failures of two versions, each by its change. DuckDB counts no NULL as NULL, BigQuery as 0. #}
both_rows AS (
  SELECT
    IFNULL(new.{{ table.partition }}, old.{{ table.partition }}) AS d,
    IFNULL(new.{{ table.entity }}, old.{{ table.entity }}) AS entity,
    CASE
      WHEN old.{{ table.partition }} IS NULL THEN 'added'
      WHEN new.{{ table.partition }} IS NULL THEN 'removed'
      WHEN new.data_hash != old.data_hash THEN 'changed'
      ELSE 'unchanged'
    END AS change
  FROM new_rows AS new
  FULL JOIN old_rows AS old ON old.{{ table.partition }} = new.{{ table.partition }} AND old.{{ table.entity }} = new.{{ table.entity }}
),
both_failures AS (
  SELECT
    IFNULL(new.analysis_date, old.analysis_date) AS d,
    IFNULL(new.entity_id, old.entity_id) AS entity,
    IFNULL(old.failure_category, '') AS old_category,
    IFNULL(new.failure_category, '') AS new_category,
    IFNULL(old.failure_reason, '') AS old_reason,
    IFNULL(new.failure_reason, '') AS new_reason,
    CASE
      WHEN old.analysis_date IS NULL THEN 'added'
      WHEN new.analysis_date IS NULL THEN 'removed'
      WHEN new.failure_category != old.failure_category OR new.failure_reason != old.failure_reason THEN 'changed'
      ELSE 'unchanged'
    END AS change
  FROM new_failures AS new
  FULL JOIN old_failures AS old ON old.analysis_date = new.analysis_date AND old.entity_id = new.entity_id
)
