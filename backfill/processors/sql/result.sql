{# The frame of every processor: exactly the columns of its output table, the row's hash and the run's time. #}
WITH
{% include body %},
framed AS (
  SELECT
    {{ own_columns(processor.output) | join(", ") }},
    failure_category,
    SUBSTR(failure_reason, 1, 1000) AS failure_reason,
    failure_category IN ({{ retryable }}) AS can_retry,
    IF(failure_category IS NULL, {{ data_hash(processor.output) }}, NULL) AS data_hash
  FROM result
)
SELECT
  *,
  @started_at AS created_at,
  @started_at AS processed_at
FROM framed
