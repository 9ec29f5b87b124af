{# Delete whole partitions, which costs nothing. #}
DELETE FROM {{ table }} AS t WHERE {{ gone }}
