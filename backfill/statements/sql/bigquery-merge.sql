{# Insert what the source selects and delete the rows of the target `t` that match `gone`, in one atomic statement.

   ON FALSE matches nothing, so only the partitions that `gone` names are read. Values are cast to the exact type of their
   column, so they are rounded as the embedded warehouse rounds them. #}
MERGE {{ table }} AS t
USING (
SELECT {% for column in table.columns %}{{ ", " if not loop.first }}{{ column.name if column.type.startswith("ARRAY") else "CAST(" ~ column.name ~ " AS " ~ column.type ~ ") AS " ~ column.name }}{% endfor %}

FROM (
{{ source }}
)
) AS s
ON FALSE
WHEN NOT MATCHED BY TARGET THEN INSERT ({{ table.names | join(", ") }}) VALUES ({{ table.names | join(", ") }})
WHEN NOT MATCHED BY SOURCE AND {{ gone }} THEN DELETE
