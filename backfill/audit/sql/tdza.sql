{# TDZA: rows of `judged_tdza`; numbers are recomputed from TDGS. #}
{% from "_checks.sql" import broken, differs, unlike, outside, quotient, rows_of_games, games_before with context %}
{% set sample, of_sample = processors.TDZA.numbers.sample_games, "the newest " ~ processors.TDZA.numbers.sample_games ~ " games" %}
WITH
team_games AS (
  {{ rows_of_games("TDGS", "defending_team_abbr", "opp_paint_attempts, opp_paint_makes, opp_mid_range_attempts,
    opp_mid_range_makes, opp_three_pt_attempts, opp_three_pt_makes, points_in_paint_allowed, blocks_paint, blocks_mid_range,
    blocks_three_pt, points_allowed, defensive_rating, opponent_pace, " ~ impossible("TDGS") ~ " IS NULL AS possible") }}
),
asked AS (
  SELECT team_abbr AS entity, analysis_date AS d FROM judged_tdza GROUP BY entity, d ORDER BY MIN(data_hash) LIMIT {{ most }}
),
games AS (
  {{ games_before("team_games", "asked") }}
),
recounted AS (
  SELECT
    entity, d,
{% for zone in zones %}
    SUM(opp_{{ zone }}_attempts) AS {{ zone }}_attempts,
    SUM(IF(opp_{{ zone }}_attempts IS NULL, NULL, opp_{{ zone }}_makes)) AS {{ zone }}_makes,
    SUM(blocks_{{ zone }}) AS {{ zone }}_blocks,
{% endfor %}
    SUM(points_in_paint_allowed) AS paint_points,
    SUM(points_allowed) AS points,
    AVG(CAST(defensive_rating AS FLOAT64)) AS rating,
    AVG(CAST(opponent_pace AS FLOAT64)) AS pace
  FROM games
  WHERE age <= {{ sample }}
  GROUP BY entity, d
),
{# League means on a sample of dates: each reads every earlier game of the season. #}
league_dates AS (
  SELECT analysis_date AS league_date FROM judged_tdza GROUP BY analysis_date ORDER BY MIN(data_hash) LIMIT {{ most_dates }}
),
league_teams AS (
  SELECT
    league_date, entity,
    COUNTIF(is_recent) AS recent_games,
{% for zone in zones %}
    {{ quotient("SUM(IF(is_recent, known_" ~ zone ~ "_makes, NULL))", "SUM(IF(is_recent, opp_" ~ zone ~ "_attempts, NULL))") }}
      AS recent_{{ zone }},
    {{ quotient("SUM(known_" ~ zone ~ "_makes)", "SUM(opp_" ~ zone ~ "_attempts)") }} AS season_{{ zone }},
{% endfor %}
  FROM (
    SELECT
      *,
{% for zone in zones %}
      IF(opp_{{ zone }}_attempts IS NULL, NULL, opp_{{ zone }}_makes) AS known_{{ zone }}_makes,
{% endfor %}
      game_date >= DATE_SUB(league_date, INTERVAL {{ processors.TDZA.numbers.league_days }} DAY) AS is_recent
    FROM league_dates
    JOIN team_games ON possible AND game_date < league_date AND (replaced_on IS NULL OR replaced_on >= league_date)
  )
  GROUP BY league_date, entity
),
league AS (
  SELECT
    league_date,
{% for zone, constant in processors.TDZA.numbers.league_defaults %}
    IF(COUNT(IF(recent_games >= {{ processors.TDZA.numbers.league_games }}, recent_{{ zone }}, NULL)) >= {{ processors.TDZA.numbers.league_teams }}, AVG(IF(recent_games >= {{ processors.TDZA.numbers.league_games }}, recent_{{ zone }}, NULL)),
      IFNULL(AVG(season_{{ zone }}), {{ constant }})) AS {{ zone }}_league,
{% endfor %}
  FROM league_teams
  GROUP BY league_date
),
{# Teams beyond the largest possible number: those outside the schedule, then those with the fewest games. #}
population AS (
  SELECT analysis_date AS population_date, team_abbr AS team FROM judged_tdza
  UNION DISTINCT
  SELECT analysis_date, entity_id FROM judged_failures
  WHERE processor_name = '{{ processors.TDZA.name }}' AND entity_id <> '{{ date_level }}'
),
crowded AS (
  SELECT population_date AS crowded_date FROM population
  GROUP BY population_date
  HAVING COUNT(*) > {{ processors.TDZA.numbers.most_teams }}
),
scheduled AS (
  SELECT DISTINCT scheduled_team FROM {{ t.SCHED }} CROSS JOIN UNNEST([home_team_abbr, away_team_abbr]) AS scheduled_team
  WHERE {{ in_season }}
),
surplus AS (
  SELECT crowded_date, team
  FROM crowded
  JOIN population ON population_date = crowded_date
  LEFT JOIN scheduled ON scheduled_team = team
  LEFT JOIN team_games AS g ON g.entity = team AND g.game_date < crowded_date
  GROUP BY crowded_date, team
  QUALIFY ROW_NUMBER() OVER (
    PARTITION BY crowded_date ORDER BY COUNT(scheduled_team) = 0, COUNT(DISTINCT g.game_id) DESC, team
  ) > {{ processors.TDZA.numbers.most_teams }}
),
checked AS (
  SELECT
    z.*, r.* EXCEPT (entity, d), r.entity IS NOT NULL AS is_recounted, l.*,
{% for label in ("strongest", "weakest") %}
    CASE {{ label }}_zone WHEN 'paint' THEN paint_defense_vs_league_avg WHEN 'mid_range' THEN mid_range_defense_vs_league_avg
      WHEN 'perimeter' THEN three_pt_defense_vs_league_avg END AS {{ label }}_value,
{% endfor %}
    COALESCE(paint_defense_vs_league_avg, mid_range_defense_vs_league_avg, three_pt_defense_vs_league_avg) AS any_value
  FROM judged_tdza AS z
  LEFT JOIN league AS l ON league_date = z.analysis_date
  LEFT JOIN recounted AS r ON r.entity = z.team_abbr AND r.d = z.analysis_date
)
{% set recounted = [] %}
{% for zone in zones %}
{% do recounted.append((zone ~ " attempts per game", "", zone ~ " attempts per game differ from " ~ of_sample,
  "is_recounted AND " ~ differs(zone ~ "_attempts_allowed_per_game", quotient(zone ~ "_attempts", sample), 1))) %}
{% do recounted.append((zone ~ " accuracy", "", zone ~ " accuracy differs from " ~ of_sample,
  "is_recounted AND " ~ differs(zone ~ "_pct_allowed_last_15", quotient(zone ~ "_makes", zone ~ "_attempts"), 3))) %}
{% do recounted.append((zone ~ " against the league", "", zone ~ " accuracy against the league differs from the games",
  "is_recounted AND league_date IS NOT NULL AND " ~ differs(zone ~ "_defense_vs_league_avg",
    "100 * (" ~ quotient(zone ~ "_makes", zone ~ "_attempts") ~ " - " ~ zone ~ "_league)", 2))) %}
{% do recounted.append((zone ~ " blocks per game", "", zone ~ " blocks per game differ from " ~ of_sample,
  "is_recounted AND " ~ differs(zone ~ "_blocks_per_game", quotient(zone ~ "_blocks", sample), 1))) %}
{% endfor %}
{% set labels = [] %}
{% for label, beyond in (("strongest", ">"), ("weakest", "<")) %}
{% do labels.append((label ~ " zone", "", "another zone is the " ~ label, "(" ~ label ~ "_zone IS NULL) <> (any_value IS NULL) OR ("
  ~ label ~ "_zone IS NULL) <> (" ~ label ~ "_value IS NULL) OR " ~ label ~ "_value " ~ beyond ~ " paint_defense_vs_league_avg OR "
  ~ label ~ "_value " ~ beyond ~ " mid_range_defense_vs_league_avg OR " ~ label ~ "_value " ~ beyond
  ~ " three_pt_defense_vs_league_avg")) %}
{% endfor %}
{{ broken("checked", "analysis_date", "team_abbr", labels + recounted + [
  ("sample", "", "the sample is not " ~ sample ~ " games", "games_in_sample <> " ~ sample),
  ("fixed columns", "", "the tier is not high, or the early-season flag is set", "data_quality_tier <> 'high' OR early_season_flag"),
  ("accuracy range", "", "an accuracy is outside 0 to 1",
    outside(0, 1, ["paint_pct_allowed_last_15", "mid_range_pct_allowed_last_15", "three_pt_pct_allowed_last_15"])),
  ("points in the paint", "", "points in the paint per game differ from " ~ of_sample,
    "is_recounted AND " ~ differs("paint_points_allowed_per_game", quotient("paint_points", sample), 1)),
  ("points per game", "", "points per game differ from " ~ of_sample,
    "is_recounted AND " ~ differs("opponent_points_per_game", quotient("points", sample), 1)),
  ("defensive rating", "", "the defensive rating differs from the mean of " ~ of_sample,
    "is_recounted AND " ~ differs("defensive_rating_last_15", "rating", 2)),
  ("pace", "", "the pace differs from the mean of " ~ of_sample, "is_recounted AND " ~ differs("opponent_pace", "pace", 1)),
]) }}
UNION ALL
{{ broken("surplus", "crowded_date", "team", [
  ("number of teams", "", "more than " ~ processors.TDZA.numbers.most_teams ~ " teams", "TRUE"),
]) }}
