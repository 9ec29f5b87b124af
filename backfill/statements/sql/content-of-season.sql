{# Rows and one hash of a season of an input; the warehouse narrows it to the season. #}
{% from "_digest.sql" import row_digest with context %}
SELECT COUNT(*) AS n, TO_HEX(SHA256(STRING_AGG(digest, '' ORDER BY digest))) AS content
FROM (
  SELECT {{ row_digest(table) }} AS digest FROM {{ table }} WHERE @season_start IS NOT NULL
)
