{# A processor's slice of a log with the staged rows `added`; a row of the same run replaces the older one. #}
SELECT * FROM {{ table }} WHERE processor_name = @name AND run_id NOT IN (SELECT run_id FROM added)
UNION ALL SELECT * FROM added WHERE processor_name = @name
