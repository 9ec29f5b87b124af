{# The games of one source for the expectation: which row of a game counts, and which hold impossible values.

   Not the processors' own windows: the audit shares with them what a bad row and a played game are, and nothing else. #}
SELECT
  {{ table.entity }} AS entity, game_date, game_id,
  ROW_NUMBER() OVER (PARTITION BY {{ table.entity }}, game_id ORDER BY {{ newest_first(table.short) }}) AS game_rank,
  {{ impossible(table.short) }} IS NOT NULL AS is_bad,
  {{ "IFNULL(is_active, FALSE) AND " ~ took_part if table.short == "PGS" else "TRUE" }} AS counts,
  {{ team }} AS team
FROM {{ table }}
WHERE {{ in_season }}
