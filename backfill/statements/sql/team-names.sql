{# The teams of a season. #}
SELECT DISTINCT defending_team_abbr AS entity FROM {{ t.TDGS }} WHERE {{ in_season }}
