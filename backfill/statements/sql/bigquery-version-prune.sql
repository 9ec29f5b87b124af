{# Delete the versions up to a time. #}
DELETE FROM {{ kept }} WHERE replaced_at <= @until
