{# The failures of a run, and what accounting adds: entities with neither row nor failure, dates without population. #}
WITH
runs AS (
  SELECT d, run_id
  FROM UNNEST(@dates) AS d WITH OFFSET AS d_offset
  JOIN UNNEST(@run_ids) AS run_id WITH OFFSET AS id_offset ON d_offset = id_offset
),
failed AS (
  SELECT
    {{ processor.output.partition }} AS d, {{ processor.output.entity }} AS entity_id,
    failure_category, failure_reason, can_retry
  FROM staged
  WHERE failure_category IS NOT NULL
  UNION ALL
  SELECT expected_date, expected_entity, '{{ unknown.name }}', 'neither a row nor a classified failure', {{ unknown.can_retry }}
  FROM staged
  WHERE {{ processor.output.partition }} IS NULL
  UNION ALL
  SELECT
    d, '{{ date_level }}', '{{ missing.name }}',
    'population: {{ processor.population }}: no row ' || {{ "'for '" if processor.population.short == "UPGC" else "'before '" }}
      || CAST(d AS STRING),
    {{ missing.can_retry }}
  FROM runs
  WHERE d NOT IN (SELECT expected_date FROM staged WHERE expected_date IS NOT NULL)
)
SELECT
  '{{ processor.name }}' AS processor_name, run_id, d AS analysis_date, entity_id,
  failure_category, failure_reason, can_retry, @started_at AS created_at
FROM failed
JOIN runs USING (d)
