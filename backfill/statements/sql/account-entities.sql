{# Numbers of entities by date of staged rows: expected, with several rows, not expected, without a row. #}
SELECT
  d, COUNTIF(is_expected) AS population, COUNTIF(copies > 1) AS repeated,
  COUNTIF(copies > 0 AND NOT is_expected) AS strangers, COUNTIF(copies = 0) AS missing
FROM (
  SELECT
    COALESCE({{ table.partition }}, expected_date) AS d,
    COALESCE({{ table.entity }}, expected_entity) AS entity,
    COUNT({{ table.partition }}) AS copies,
    COUNT(expected_date) > 0 AS is_expected
  FROM {{ rows }}
  GROUP BY d, entity
)
GROUP BY d
