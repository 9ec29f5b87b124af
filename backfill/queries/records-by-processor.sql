-- Rows of each of the output tables per date.
{% for p in processors.values() %}
{% set day = p.output.partition %}
SELECT {{ day }} AS dt, '{{ p.code }}' AS processor, COUNT(*) AS records
FROM {{ p.output }}
WHERE {{ day }} BETWEEN @start AND @end
GROUP BY {{ day }}
{% if not loop.last %}
UNION ALL
{% endif %}
{% endfor %}
ORDER BY dt, processor
