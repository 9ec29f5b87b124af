"""Mark of a restore that has not ended. Light, because every command checks it."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from backfill.warehouse.parquet.paths import RESTORING

PARQUET = "parquet"


def parquet_root() -> Path | None:
    """Return the folder of the embedded warehouse; None with BigQuery."""
    scheme, _, place = settings.WAREHOUSE_URL.partition(":")
    return Path(place).absolute() if scheme == PARQUET else None


def is_restoring() -> bool:
    """Return True between the begin and the end of a restore, also of one that was killed."""
    root = parquet_root()
    return bool(root and (root / RESTORING).exists())
