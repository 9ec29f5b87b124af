"""The BigQuery warehouse: the same port, tables and statements where one machine is outgrown."""
