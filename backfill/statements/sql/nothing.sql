{# One row that stands for a staged table which is no longer needed. #}
SELECT 1 AS nothing
