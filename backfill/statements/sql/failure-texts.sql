{# Bugs by their text: how many entities of each date, and the first of them. #}
SELECT
  processor_name, failure_category, failure_reason, analysis_date, entity_id,
  COUNT(*) OVER (PARTITION BY processor_name, failure_category, failure_reason, analysis_date) AS n
FROM {{ t.FAILURES }}
WHERE analysis_date IN UNNEST(@dates) AND failure_category IN UNNEST(@bugs)
QUALIFY ROW_NUMBER() OVER (
  PARTITION BY processor_name, failure_category, failure_reason, analysis_date ORDER BY entity_id
) <= {{ named }}
ORDER BY analysis_date, failure_reason, processor_name, failure_category, entity_id
