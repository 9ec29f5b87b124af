{# The seasons of which an input has rows. #}
SELECT EXTRACT(YEAR FROM DATE_SUB({{ table.partition }}, INTERVAL {{ first_month - 1 }} MONTH)) AS year FROM {{ table }} GROUP BY year
