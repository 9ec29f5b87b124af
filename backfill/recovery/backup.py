"""Backup into a new folder, which gets its name when it is complete."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection
from django.utils.timezone import now

from backfill.crash_points import crash_point
from backfill.errors import Refused
from backfill.recovery import database
from backfill.recovery.manifest import DATABASE, WAREHOUSE, Manifest, files_in
from backfill.recovery.unfinished_restore import PARQUET, is_restoring, parquet_root
from backfill.version import code_version
from backfill.warehouse.parquet.snapshot import snapshot


def backup(target: Path, *, database_only: bool = False) -> Manifest:
    """Write a backup. Safe while jobs run. Raises Refused.

    The warehouse is copied as of a moment after the database: output without a record of its run is
    planned again, and a record without its output would be wrong.
    """
    if target.exists():
        raise Refused(f"{target} exists; name a new folder for the backup")
    root = None if database_only else parquet_root()
    if is_restoring():
        raise Refused("a restore has not ended; run `manage.py restore` again")
    with _unfinished(target) as folder:
        (folder / DATABASE).mkdir()
        tables = database.dump(folder / DATABASE)
        crash_point("backup-database")
        if root:
            with snapshot(root) as files:
                shutil.copytree(files, folder / WAREHOUSE)
        crash_point("backup-warehouse")
        manifest = Manifest(
            made_at=now().isoformat(timespec="seconds"),
            code_version=code_version(),
            database=connection.vendor,
            warehouse=PARQUET if root else "",
            migrations=database.newest_migrations(),
            tables=tables,
            files=files_in(folder),
        )
        manifest.write(folder)
        os.sync()
        crash_point("backup-written")
        folder.rename(target)
    return manifest


@contextmanager
def _unfinished(target: Path) -> Iterator[Path]:
    """Yield an empty folder for the files, next to the target. That of a killed backup is removed."""
    folder = target.with_name(f"{target.name}.unfinished")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        lock = target.with_name(f".{target.name}.lock").open("w")
    except OSError as error:
        raise Refused(
            f"{target} cannot be written ({error.strerror}); name another folder"
        ) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(f"another backup writes {target}; wait until it has ended") from None
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            Path(lock.name).unlink(missing_ok=True)
