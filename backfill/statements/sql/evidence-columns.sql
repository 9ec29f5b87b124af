{# Shares of NULL and of zero of some columns per date, from two weeks before a finding on.

   Values are read by way of text, because a column may be of any type; what is no number is not zero. #}
SELECT {{ table.partition }} AS d, COUNT(*) AS n{% for name, value in columns %}, COUNTIF({{ value }} IS NULL) AS {{ name }}_null, COUNTIF(IFNULL(SAFE_CAST(CAST({{ value }} AS STRING) AS FLOAT64), 1) = 0) AS {{ name }}_zero{% endfor %}

FROM {{ table }}
WHERE {{ table.partition }} BETWEEN DATE_SUB(DATE '{{ first }}', INTERVAL 14 DAY) AND DATE '{{ last }}'
GROUP BY d
ORDER BY d
