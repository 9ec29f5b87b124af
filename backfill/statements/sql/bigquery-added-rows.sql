{# The rows that a log is given as a parameter. #}
SELECT {% for name in table.names %}{{ ", " if not loop.first }}r.{{ name }}{% endfor %} FROM UNNEST(@{{ rows }}) AS r
