{# The processors and dates of which a row or a failure is staged. #}
SELECT processor_name AS name, analysis_date AS d FROM judged_failures
{% for processor in processors %}
UNION DISTINCT
SELECT '{{ processor.name }}' AS name, {{ processor.output.partition }} AS d FROM judged_{{ processor.code | lower }}
{% endfor %}
