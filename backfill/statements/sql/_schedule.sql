{# Condition of the row that counts of a game listed on several dates: a final row, else the row of the last date. #}
{% macro counted_row() %}
game_status = {{ final }} OR ROW_NUMBER() OVER (PARTITION BY game_id ORDER BY IF(game_status = {{ final }}, 0, 1), game_date DESC) = 1
{%- endmacro %}
