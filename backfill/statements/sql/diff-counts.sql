{# Rows and failures of two versions per date and change, failures also by category. #}
WITH
{% include "_diff.sql" %}
SELECT 'rows' AS kind, d, change, '' AS old_category, '' AS new_category, COUNT(*) AS n
FROM both_rows
GROUP BY d, change
UNION ALL
SELECT 'failures', d, change, old_category, new_category, COUNT(*)
FROM both_failures
GROUP BY d, change, old_category, new_category
