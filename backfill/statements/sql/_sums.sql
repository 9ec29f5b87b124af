{# Team rows of a game beside the sums of its players: `d` the defense, `o` the offense that it faced, `p` the players of that
   offense, `w` the players of the defense itself. The newest row of each key counts. A sum is NULL unless every active
   player's value is known. #}
{% macro newest(table) %}
SELECT * FROM {{ table }} WHERE {{ in_season }}
  QUALIFY ROW_NUMBER() OVER (PARTITION BY {{ table.key | join(", ") }} ORDER BY processed_at DESC) = 1
{% endmacro %}
WITH players AS (
  SELECT game_id, team_abbr, COUNT(*) AS n{% for name in summed %},
    IF(COUNTIF({{ name }} IS NULL) = 0, SUM({{ name }}), NULL) AS {{ name }}{% endfor %}

  FROM ({{ newest(t.PGS) }})
  WHERE is_active
  GROUP BY game_id, team_abbr
),
defenses AS ({{ newest(t.TDGS) }}),
offenses AS ({{ newest(t.TOGS) }}),
sides AS (
  SELECT d.game_id, d.game_date, d.defending_team_abbr AS defense, d.opponent_team_abbr AS offense, p.n AS players{% for sum in sums %},
    {{ sum[0] }} AS left_{{ loop.index0 }}, {{ sum[1] }} AS right_{{ loop.index0 }}, {{ sum[2] }} AS swapped_{{ loop.index0 }}{% endfor %}

  FROM defenses AS d
  LEFT JOIN offenses AS o ON o.game_id = d.game_id AND o.team_abbr = d.opponent_team_abbr
  LEFT JOIN players AS p ON p.game_id = d.game_id AND p.team_abbr = d.opponent_team_abbr
  LEFT JOIN players AS w ON w.game_id = d.game_id AND w.team_abbr = d.defending_team_abbr
)
