"""Embedded warehouse: Parquet files queried by in-memory DuckDB."""
