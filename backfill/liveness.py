"""Liveness of the processes of this host as the age of a file, so that a health check starts neither
Django nor a database connection.
"""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from pathlib import Path

from backfill.private_files import working_folder

FORGOTTEN_SECONDS = 24 * 3600


def alive_file(data_folder: Path, kind: str) -> Path:
    """Return the file that the processes of this kind touch on this host; containers have their own
    host names.
    """
    return working_folder(data_folder) / f"{kind}-{socket.gethostname()}.alive"


def mark_alive(data_folder: Path, kind: str) -> None:
    """Touch the file. A failure shows in the health check, which finds the file too old."""
    file = alive_file(data_folder, kind)
    with suppress(OSError):
        if not file.exists():
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _remove_forgotten(file.parent)
        file.touch()


def mark_stopped(data_folder: Path, kind: str) -> None:
    """Remove the file; other processes of this kind create it again."""
    with suppress(OSError):
        alive_file(data_folder, kind).unlink()


def seconds_since_alive(data_folder: Path, kind: str) -> float | None:
    """Return the age of the file; None without one."""
    try:
        return time.time() - alive_file(data_folder, kind).stat().st_mtime
    except OSError:
        return None


def _remove_forgotten(folder: Path) -> None:
    for file in folder.glob("*.alive"):
        if time.time() - file.stat().st_mtime > FORGOTTEN_SECONDS:
            file.unlink()
