{# One hash per date of an input: whole rows in an order of their own, so that a file written in another order changes nothing. #}
{% from "_digest.sql" import row_digest with context %}
SELECT game_date, TO_HEX(SHA256(STRING_AGG(digest, '' ORDER BY digest))) AS digest
FROM (SELECT game_date, {{ row_digest(table) }} AS digest FROM {{ table }} WHERE {{ in_season }})
GROUP BY game_date
ORDER BY game_date
