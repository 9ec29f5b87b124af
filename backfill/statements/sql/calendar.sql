{# Every game of the schedule on the date that counts, as far as the calendar needs it. #}
{% from "_schedule.sql" import counted_row with context %}
SELECT game_date, season_year, game_status, season_type FROM {{ t.SCHED }}
WHERE TRUE
QUALIFY {{ counted_row() }}
