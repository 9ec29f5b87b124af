{# Changed rows of each column, the smallest, median and largest difference, and the row with the largest one. #}
WITH
ranked AS (
  SELECT
    *,
    ROW_NUMBER() OVER (PARTITION BY name, element ORDER BY IFNULL(delta, -1) DESC, d, entity) AS place,
    COUNT(delta) OVER (PARTITION BY name, element) AS numbers
  FROM changed_values
)
SELECT
  name, element,
  COUNT(*) AS n,
  MIN(delta) AS smallest,
  AVG(IF(2 * place BETWEEN numbers AND numbers + 2, delta, NULL)) AS median,
  MAX(delta) AS largest,
  MAX(IF(place = 1, d, NULL)) AS d,
  MAX(IF(place = 1, entity, NULL)) AS entity,
  MAX(IF(place = 1, old_text, NULL)) AS old_text,
  MAX(IF(place = 1, new_text, NULL)) AS new_text
FROM ranked
GROUP BY name, element
ORDER BY name, element
