{# The dates with rows in an input. #}
SELECT {{ table.partition }} AS d FROM {{ table }} GROUP BY d
