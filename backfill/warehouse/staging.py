"""Where partitions are written before they are moved into place, and how a killed writer's leftovers are told."""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psutil

PART = "part.parquet"
STALE_SECONDS = 24 * 3600


class Staging:
    """Folders under `<root>/.staging`, each named after the process that writes in it."""

    def __init__(self, root: Path) -> None:
        self.path = root / ".staging"

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """A folder of one's own for the time of one write."""
        made = self.path / f"{socket.gethostname()}+{psutil.Process().pid}+{uuid4().hex}"
        made.mkdir(parents=True)
        try:
            yield made
        finally:
            shutil.rmtree(made, ignore_errors=True)

    @staticmethod
    def copy(file: Path, beside: Path) -> Path:
        """A copy of a file that may be moved away."""
        return Path(shutil.copyfile(file, beside / f"{uuid4().hex}.parquet"))

    def sweep(self) -> int:
        """Remove the folders of processes that are gone; return how many."""
        dead = [f for f in self.path.glob("*+*+*") if _is_abandoned(f)]
        for folder in dead:
            shutil.rmtree(folder, ignore_errors=True)
        return len(dead)


def _is_abandoned(folder: Path) -> bool:
    host, pid, _ = folder.name.split("+")
    if host == socket.gethostname():
        return not psutil.pid_exists(int(pid))
    try:
        return time.time() - folder.stat().st_mtime > STALE_SECONDS
    except FileNotFoundError:  # its writer finished meanwhile
        return False
