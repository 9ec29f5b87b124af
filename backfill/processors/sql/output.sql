{# The rows of a run. #}
SELECT * EXCEPT (failure_category, failure_reason, can_retry, expected_date, expected_entity)
FROM staged
WHERE {{ processor.output.partition }} IS NOT NULL AND failure_category IS NULL
