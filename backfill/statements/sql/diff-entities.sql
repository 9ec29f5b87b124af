{# Entities whose row or failure differs between two versions, rows first, with the names of their changed columns. #}
WITH
{% include "_diff.sql" %},
named AS (
  SELECT d, entity, STRING_AGG(DISTINCT name, ' ' ORDER BY name) AS names FROM changed_values GROUP BY d, entity
)
SELECT
  'row' AS kind, both_rows.d, both_rows.entity, change, IFNULL(named.names, '') AS columns,
  '' AS old_category, '' AS new_category, '' AS old_reason, '' AS new_reason
FROM both_rows
LEFT JOIN named ON named.d = both_rows.d AND named.entity = both_rows.entity
WHERE change != 'unchanged'
UNION ALL
SELECT 'failure', d, entity, change, '', old_category, new_category, old_reason, new_reason
FROM both_failures
WHERE change != 'unchanged'
ORDER BY kind DESC, d, entity
LIMIT {{ most }}
