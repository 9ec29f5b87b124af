{# Which partitions there are: table, processor of a log's slice, date. BigQuery has none without rows; the run history knows them. #}
{% for table in outputs %}
SELECT '{{ table }}' AS name, CAST(NULL AS STRING) AS slice, {{ table.partition }} AS d FROM {{ table }} GROUP BY d
UNION ALL
{% endfor %}
{% for table in (t.FAILURES, t.HISTORY) %}
SELECT '{{ table }}', processor_name, {{ table.partition }} AS d FROM {{ table }} GROUP BY processor_name, d
UNION ALL
{% endfor %}
{% set newest %}
SELECT processor_name, data_date, output_dataset, output_table, records_created, records_failed FROM {{ t.HISTORY }}
WHERE status IN ('success', 'skipped')
QUALIFY ROW_NUMBER() OVER (PARTITION BY processor_name, data_date ORDER BY processed_at DESC) = 1
{% endset %}
SELECT output_dataset || '.' || output_table, CAST(NULL AS STRING), data_date FROM (
{{ newest }}) WHERE records_created = 0
UNION ALL
SELECT '{{ t.FAILURES }}', processor_name, data_date FROM (
{{ newest }}) WHERE records_failed = 0
