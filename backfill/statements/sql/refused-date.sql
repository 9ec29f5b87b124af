{# The failures of a processor and date after a live check refused the run: those of entities, and one for the date. #}
SELECT * FROM {{ t.FAILURES }} WHERE processor_name = @processor_name AND entity_id <> '{{ date_level }}'
UNION ALL
SELECT @processor_name, @run_id, @day, '{{ date_level }}', '{{ missing.name }}', SUBSTR(@reason, 1, 1000),
  {{ missing.can_retry }}, @started_at
