"""Warehouse: one schema, one port, and its adapters."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, cast

from django.conf import settings

from backfill.errors import Refused, WarehouseUnwritable
from backfill.telemetry import tracing

if TYPE_CHECKING:
    from backfill.warehouse.port import Warehouse

_sessions = threading.local()


def open_warehouse(url: str) -> Warehouse:
    """Open a new session on the warehouse at `url`. Raises Refused if the URL names no existing
    warehouse.
    """
    if url.startswith("bigquery:"):
        return _open_bigquery(url)
    check_url(url)
    from backfill.warehouse.duckdb_options import duckdb_options
    from backfill.warehouse.kept_values import kept_files
    from backfill.warehouse.parquet.session import ParquetWarehouse

    return ParquetWarehouse(
        Path(url.partition(":")[2]),
        duckdb_options(),
        kept_files(),
        keeps_versions=settings.KEEP_VERSIONS_DAYS > 0,
    )


def check_url(url: str) -> None:
    """Raise Refused if the URL names no embedded warehouse, or no client of BigQuery can be opened.
    Does not import DuckDB, which takes a fifth of a short command.
    """
    scheme, _, place = url.partition(":")
    if scheme == "bigquery":
        _open_bigquery(url)
    elif scheme != "parquet" or not place:
        raise Refused(
            f"the warehouse URL must be parquet:FOLDER or bigquery://PROJECT, not {url!r}"
        )


def _open_bigquery(url: str) -> Warehouse:
    from backfill.warehouse.bigquery.connection import Place
    from backfill.warehouse.bigquery.session import BigQueryWarehouse

    return BigQueryWarehouse(
        Place.of(url),
        labels=settings.BIGQUERY_LABELS,
        max_bytes=settings.BIGQUERY_MAX_BYTES,
        keep_days=settings.KEEP_VERSIONS_DAYS,
    )


def warehouse() -> Warehouse:
    """Return this thread's session on the configured warehouse."""
    if getattr(_sessions, "url", None) != settings.WAREHOUSE_URL:
        opened = open_warehouse(settings.WAREHOUSE_URL)
        _sessions.open = _traced(opened) if tracing.is_on() else opened
        _sessions.url = settings.WAREHOUSE_URL
    return cast("Warehouse", _sessions.open)


def _traced(session: Warehouse) -> Warehouse:
    from backfill.warehouse.traced import TracedWarehouse

    system = "bigquery" if settings.WAREHOUSE_URL.startswith("bigquery:") else "duckdb"
    return cast("Warehouse", TracedWarehouse(session, system))


def writable_warehouse() -> Warehouse:
    """Return this thread's session, swept. Raises Refused if the configured location is not
    writable.
    """
    try:
        warehouse().check_writable()
    except WarehouseUnwritable as error:
        is_folder = settings.WAREHOUSE_URL.startswith("parquet:")
        advice = "; correct WAREHOUSE_URL or make it writable" if is_folder else ""
        raise Refused(f"{error}{advice}") from error
    warehouse().sweep()
    return warehouse()
