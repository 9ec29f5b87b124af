{# Entities whose row or failure differs between two versions: rows first, `columns` are their changed values. #}
WITH
{% include "_diff.sql" %},
counted AS (
  SELECT d, entity, COUNT(*) AS n FROM changed_values GROUP BY d, entity
)
SELECT
  'row' AS kind, both_rows.d, both_rows.entity, change, IFNULL(counted.n, 0) AS columns,
  '' AS old_category, '' AS new_category, '' AS old_reason, '' AS new_reason
FROM both_rows
LEFT JOIN counted ON counted.d = both_rows.d AND counted.entity = both_rows.entity
WHERE change != 'unchanged'
UNION ALL
SELECT 'failure', d, entity, change, 0, old_category, new_category, old_reason, new_reason
FROM both_failures
WHERE change != 'unchanged'
ORDER BY kind DESC, d, entity
