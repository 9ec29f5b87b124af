{# The copies of all kept tables by their time: versions and rows. #}
{% for table, place in kept %}
{{ "UNION ALL" if not loop.first }}
SELECT '{{ place }}' AS place, replaced_at, COUNT(*) AS versions, SUM(n) AS n
FROM (
  SELECT replaced_at, {{ table.partition }}, token, COUNT(*) AS n
  FROM {{ place }}
  GROUP BY replaced_at, {{ table.partition }}, token{{ ", " ~ slice_column if table.kind == "log" }}
)
GROUP BY replaced_at
{% endfor %}
