"""Load job configuration of a Parquet file, with all types declared."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from google.cloud.bigquery import LoadJobConfig, ParquetOptions, SchemaField

from backfill.warehouse.schema import Column, Table


def load_config(table: Table, file: Path, labels: dict[str, str]) -> LoadJobConfig:
    """Return the configuration that replaces a table with the file's rows. Raises OSError if the
    file is unreadable.
    """
    schema = pq.read_schema(file)
    config = LoadJobConfig(
        source_format="PARQUET", write_disposition="WRITE_TRUNCATE", labels=labels
    )
    config.schema = [_field(column, schema.field(column.name).type) for column in table.columns]
    config.parquet_options = ParquetOptions()  # type: ignore[no-untyped-call]
    config.parquet_options.enable_list_inference = True
    return config


def _field(column: Column, held: pa.DataType) -> SchemaField:
    """Return the field of a column. A timestamp without a zone is a DATETIME in the file and
    becomes a TIMESTAMP in UTC in the table.
    """
    kind = column.type.removeprefix("ARRAY<").split("(")[0].rstrip(">")
    if kind == "TIMESTAMP" and pa.types.is_timestamp(held) and held.tz is None:
        kind = "DATETIME"
    return SchemaField(
        column.name, kind, "REPEATED" if column.type.startswith("ARRAY") else "NULLABLE"
    )
