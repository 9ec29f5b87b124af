"""BigQuery warehouse: the same port, tables and statements, for more data than one machine handles."""
