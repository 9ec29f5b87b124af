{# Rows of a table on some dates, and when the newest of them was processed. #}
SELECT COUNT(*) AS n, MAX(processed_at) AS newest FROM {{ table }} WHERE {{ table.partition }} BETWEEN @first AND @last
