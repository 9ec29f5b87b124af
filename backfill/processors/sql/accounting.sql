{# One row per date: the population against the statement's rows, staged as `population` and `result`. #}
WITH
counted AS (
  SELECT {{ processor.output.partition }} AS d, {{ processor.output.entity }} AS entity, COUNT(*) AS copies
  FROM result
  GROUP BY d, entity
),
compared AS (
  SELECT
    COALESCE(c.d, p.d) AS date,
    p.entity IS NOT NULL AS is_expected,
    IFNULL(c.copies, 0) AS copies
  FROM counted AS c
  FULL JOIN population AS p ON p.d = c.d AND p.entity = c.entity
)
SELECT
  date,
  COUNTIF(is_expected) AS population,
  COUNTIF(copies > 1) AS repeated,
  COUNTIF(NOT is_expected) AS strangers,
  COUNTIF(is_expected AND copies = 0) AS missing
FROM compared
GROUP BY date
