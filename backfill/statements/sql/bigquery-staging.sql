{# Keep the result of a query in a table that expires by itself.

   A table of its own, not the query's anonymous result, which other statements are not guaranteed to read. #}
CREATE OR REPLACE TABLE {{ place }}
OPTIONS (expiration_timestamp = TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL {{ hours }} HOUR))
AS
{{ query }}
