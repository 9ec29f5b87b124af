{# The versions of partitions. A copy that was made again after its process died counts once; the first one was made before any write. #}
SELECT {{ table.partition }} AS day, token, MIN(replaced_at) AS replaced_at
FROM {{ kept }}
WHERE {{ table.partition }} IN UNNEST(@dates){{ " AND " ~ slice_column ~ " = '" ~ slice ~ "'" if slice }}
GROUP BY day, token
