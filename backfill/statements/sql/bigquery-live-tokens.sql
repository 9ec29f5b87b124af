{# The newest write of each partition that exists: noted, even without rows, or with rows that no note is about. #}
WITH
partitions AS (
  SELECT name, slice, day, token, written_at
  FROM {{ writes }}
  WHERE day IN UNNEST(@dates) AND ({% for table, slice in slices %}{{ " OR " if not loop.first }}(name = '{{ table }}' AND slice = '{{ slice }}'){% endfor %})
{% for table, slice in slices %}
  UNION ALL
  SELECT '{{ table }}', '{{ slice }}', {{ table.partition }}, 0, TIMESTAMP '1970-01-01 00:00:00+00'
  FROM {{ table }}
  WHERE {{ table.partition }} IN UNNEST(@dates){{ " AND " ~ slice_column ~ " = '" ~ slice ~ "'" if slice }}
  GROUP BY {{ table.partition }}
{% endfor %}
)
SELECT name, slice, day, token
FROM partitions
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY name, slice, day ORDER BY written_at DESC, token DESC) = 1
