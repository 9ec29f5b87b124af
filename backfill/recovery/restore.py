"""Restore of a backup into an empty installation, or over an existing one."""

from __future__ import annotations

import os
from pathlib import Path

from django.db import Error, connection
from django.utils.timezone import now

from backfill.crash_points import crash_point
from backfill.errors import Refused
from backfill.models import Worker
from backfill.recovery import database
from backfill.recovery.manifest import DATABASE, WAREHOUSE, Manifest
from backfill.recovery.unfinished_restore import is_restoring, parquet_root
from backfill.warehouse.parquet import snapshot
from backfill.warehouse.parquet.paths import RESTORING


def restore(source: Path, *, overwrite: bool = False, database_only: bool = False) -> Manifest:
    """Restore database and warehouse. Raises Refused before anything changes.

    A restore that is killed is not an installation: the database is empty or the warehouse is
    marked, and every command refuses until the restore has run again.
    """
    manifest = Manifest.read(source)
    root = parquet_root() if manifest.warehouse and not database_only else None
    _check(manifest, root, overwrite=overwrite or is_restoring(), database_only=database_only)
    manifest.verify(source)
    database.check_migrations(manifest.migrations)
    if root:
        snapshot.install(source / WAREHOUSE, root)
        crash_point("restore-warehouse")
    database.restore(source / DATABASE, manifest.tables, manifest.migrations)
    crash_point("restore-database")
    if root:
        os.sync()
        (root / RESTORING).unlink()
    return manifest


def _check(manifest: Manifest, root: Path | None, *, overwrite: bool, database_only: bool) -> None:
    if manifest.database != connection.vendor:
        raise Refused(
            f"the backup is of {manifest.database}, and DATABASE_URL is {connection.vendor};"
            " set a DATABASE_URL of the same kind"
        )
    if manifest.warehouse and not database_only and not root:
        raise Refused(
            "the backup has an embedded warehouse, and WAREHOUSE_URL is BigQuery; restore with"
            " WAREHOUSE_URL=parquet:FOLDER, or with --database-only"
        )
    if alive := _processes():
        raise Refused(f"{alive[0]} is running; stop web, worker and beat before a restore")
    if overwrite:
        return
    if table := database.filled_table():
        raise Refused(
            f"the database is not empty ({table} has rows); restore into an empty one, or add"
            " --overwrite to replace everything in it"
        )
    if root and snapshot.is_filled(root):
        raise Refused(
            f"the warehouse {root} is not empty; restore into an empty one, or add --overwrite to"
            " replace everything in it"
        )


def _processes() -> list[Worker]:
    """Return the processes that execute runs."""
    try:
        return [worker for worker in Worker.objects.all() if worker.is_alive(now())]
    except Error:  # no tables yet, or those of another version
        return []
