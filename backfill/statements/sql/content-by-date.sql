{# Rows and one hash of each partition of an output or a log, per slice. #}
{% from "_digest.sql" import row_digest with context %}
SELECT d, slice, COUNT(*) AS n, TO_HEX(SHA256(STRING_AGG(digest, '' ORDER BY digest))) AS content
FROM (
  SELECT {{ table.partition }} AS d, {{ slice }} AS slice, {{ row_digest(table) }} AS digest FROM {{ table }} WHERE {{ table.partition }} BETWEEN @start AND @end
)
GROUP BY d, slice
