{# Copy the partitions that a write replaces, with the token of the write that made them: the newest one that is not of the same work,
   which an attempt continues after its process died. A partition that was written without rows is a row without an entity. #}
{% set days %}[{% for day in dates %}{{ ", " if not loop.first }}DATE '{{ day }}'{% endfor %}]{% endset %}
INSERT INTO {{ kept }} ({{ table.names | join(", ") }}, token, replaced_at)
SELECT {% for name in table.names %}{{ "day" if name == table.partition else "'" ~ slice ~ "'" if name == slice_column else "live." ~ name }}, {% endfor %}IFNULL(made.token, 0), CURRENT_TIMESTAMP()
FROM UNNEST({{ days }}) AS day
LEFT JOIN (
  SELECT day AS made_day, token
  FROM {{ writes }}
  WHERE name = '{{ table }}' AND slice = '{{ slice }}' AND day IN UNNEST({{ days }}) AND work <> '{{ work }}'
  QUALIFY ROW_NUMBER() OVER (PARTITION BY day ORDER BY written_at DESC, token DESC) = 1
) AS made ON made.made_day = day
LEFT JOIN (
  SELECT * FROM {{ table }} WHERE {{ table.partition }} IN UNNEST({{ days }}){{ " AND " ~ slice_column ~ " = '" ~ slice ~ "'" if slice }}

) AS live ON live.{{ table.partition }} = day
WHERE made.made_day IS NOT NULL OR live.{{ table.partition }} IS NOT NULL
