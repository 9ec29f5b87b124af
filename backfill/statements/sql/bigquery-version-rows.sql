{# The rows of versions, and of live partitions. #}
{% if picks %}
SELECT {% for name in table.names %}{{ ", " if not loop.first }}k.{{ name }}{% endfor %}

FROM {{ kept }} AS k
JOIN UNNEST([{% for day, version in picks %}{{ ", " if not loop.first }}STRUCT(DATE '{{ day }}' AS day, {{ version.token }} AS token, TIMESTAMP '{{ version.replaced_at.isoformat(" ") }}' AS replaced_at){% endfor %}]) AS p
ON k.{{ table.partition }} = p.day AND k.token = p.token AND k.replaced_at = p.replaced_at
WHERE k.{{ entity }} IS NOT NULL{{ " AND k." ~ slice_column ~ " = '" ~ slice ~ "'" if slice }}
UNION ALL
{% endif %}
SELECT {% for name in table.names %}{{ ", " if not loop.first }}{{ name }}{% endfor %}

FROM {{ table }}
WHERE {{ table.partition }} IN UNNEST(@live_dates){{ " AND " ~ slice_column ~ " = '" ~ slice ~ "'" if slice }}
