{# Note who replaces which partitions; reads no table. #}
INSERT INTO {{ writes }} (name, slice, day, token, work, written_at)
SELECT name, slice, day, {{ token }}, '{{ work }}', CURRENT_TIMESTAMP()
FROM UNNEST([{% for day in dates %}{{ ", " if not loop.first }}DATE '{{ day }}'{% endfor %}]) AS day
CROSS JOIN UNNEST([{% for table, slice in slices %}{{ ", " if not loop.first }}STRUCT('{{ table }}' AS name, '{{ slice }}' AS slice){% endfor %}])
