{# The rows of a run. #}
SELECT * EXCEPT (failure_category, failure_reason, can_retry) FROM result WHERE failure_category IS NULL
