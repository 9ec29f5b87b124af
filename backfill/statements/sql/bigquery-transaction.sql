{# Several statements that readers see all together or not at all. BigQuery rolls back a script that ends before its COMMIT,
   and aborts one of two transactions that write to the same table. #}
BEGIN TRANSACTION;
{% for statement in statements %}
{{ statement }};
{% endfor %}
COMMIT TRANSACTION;
