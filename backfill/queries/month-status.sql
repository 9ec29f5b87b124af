-- First date, last date and number of dates with rows, for each of the output tables.
-- Each is filtered by the column that it is partitioned by; any other would read all of it.
WITH output_dates AS (
{% for p in processors.values() %}
{% set day = p.output.partition %}
  SELECT {{ loop.index }} AS position, '{{ p.code }}' AS proc, MIN({{ day }}) AS min_dt, MAX({{ day }}) AS max_dt, COUNT(DISTINCT {{ day }}) AS dates
  FROM {{ p.output }}
  WHERE {{ day }} BETWEEN @start AND @end
{% if not loop.last %}
  UNION ALL
{% endif %}
{% endfor %}
)
SELECT proc, min_dt, max_dt, dates
FROM output_dates
ORDER BY position
