{# Teams of games whose two values of a number are both known, with the number of equal ones, also after a swap of the two teams. #}
{% include "_sums.sql" %}
SELECT{% for sum in sums %}

  COUNT(left_{{ loop.index0 }} - right_{{ loop.index0 }}) AS known_{{ loop.index0 }},
  COUNTIF(IFNULL(left_{{ loop.index0 }} = right_{{ loop.index0 }}, FALSE)) AS same_{{ loop.index0 }},
  COUNTIF(IFNULL(left_{{ loop.index0 }} = swapped_{{ loop.index0 }}, FALSE)) AS swapped_{{ loop.index0 }}{{ "," if not loop.last }}{% endfor %}

FROM sides
