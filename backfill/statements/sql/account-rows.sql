{# Number of staged rows by date and failure category, NULL for a row without a failure. #}
SELECT {{ table.partition }} AS d, failure_category, COUNT(*) AS n
FROM {{ rows }}
WHERE {{ table.partition }} IS NOT NULL
GROUP BY d, failure_category
