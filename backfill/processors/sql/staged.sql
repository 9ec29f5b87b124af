{# The statement's rows beside the entities that they must account for, each read once: a row of neither kind has NULL there. #}
WITH
found AS (
{{ result }}
),
expected AS (
{{ population }}
)
SELECT found.*, expected.d AS expected_date, expected.entity AS expected_entity
FROM found
FULL JOIN expected ON expected.d = found.{{ processor.output.partition }} AND expected.entity = found.{{ processor.output.entity }}
