{# Entities with a row on the staged dates of one processor. #}
SELECT {{ processor.output.partition }} AS d, ARRAY_AGG({{ processor.output.entity }}) AS entities FROM judged_{{ processor.code | lower }} GROUP BY d
