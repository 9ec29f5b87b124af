{# The source rows of a finding. #}
SELECT * FROM {{ table }} WHERE {{ condition }}
