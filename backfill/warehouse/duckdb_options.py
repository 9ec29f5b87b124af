"""Options of a DuckDB session, and the folder for its temporary files."""

from __future__ import annotations

import atexit
import shutil
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import duckdb
from django.conf import settings

from backfill.private_files import working_folder
from backfill.warehouse.parquet.staging import Staging

SPILL_LIMIT = "max_temp_directory_size"  # DuckDB 2.0 ignores it in the configuration of `connect`


def scratch() -> Staging:
    """Return the folders for temporary files of this process."""
    return Staging(working_folder(settings.VAR))


def connect(options: Mapping[str, Any]) -> duckdb.DuckDBPyConnection:
    """Open a session with these options."""
    at_connect = {name: value for name, value in options.items() if name != SPILL_LIMIT}
    db = duckdb.connect(config=at_connect)
    if folder := options.get("temp_directory"):
        # DuckDB removes it with the last reference to the session, which a process may not drop.
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    if SPILL_LIMIT in options:
        db.execute(f"SET {SPILL_LIMIT} = '{options[SPILL_LIMIT]}'")
    return db


def duckdb_options() -> dict[str, Any]:
    """Return the options of a new session; remove the temporary files of ended processes.

    Each session has a separate folder, because DuckDB names its files by process ID, which
    containers with a common volume share. DuckDB creates it when needed and removes it.
    """
    folders = scratch()
    folders.sweep()
    with suppress(OSError):  # a full disk matters only to a statement that needs the folder
        folders.path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return {
        "threads": settings.WAREHOUSE_THREADS,
        "memory_limit": settings.WAREHOUSE_MEMORY,
        "temp_directory": str(folders.unused()),
        SPILL_LIMIT: settings.WAREHOUSE_SPILL,
    }
