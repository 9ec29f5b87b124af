{# Statement that takes the name of a job, so that no other job can start under it; reads nothing. #}
SELECT 1 AS nothing FROM {{ table }} WHERE FALSE
