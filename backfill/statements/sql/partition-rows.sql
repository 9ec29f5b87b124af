{# All rows of some partitions, of one processor where `is_slice`. #}
SELECT * FROM {{ table }} WHERE {{ table.partition }} IN UNNEST(@dates){{ " AND processor_name = @name" if is_slice }}
