"""Staging folders for new partitions, and cleanup after killed writers."""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from backfill.process_id import is_gone, is_here, this_process

PART = "part.parquet"
STALE_SECONDS = 24 * 3600


class Staging:
    """Folders under `<root>/.staging`, each named after the process that writes in it."""

    def __init__(self, root: Path) -> None:
        self.path = root / ".staging"

    def unused(self) -> Path:
        """Return the path of a new folder of this process, without creating it."""
        return self.path / "+".join((*this_process().split(" "), uuid4().hex))

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """Create a separate folder for one write."""
        made = self.unused()
        made.mkdir(parents=True)
        try:
            yield made
        finally:
            shutil.rmtree(made, ignore_errors=True)

    def sweep(self) -> int:
        """Remove the folders of ended processes; return how many."""
        dead = [f for f in self.path.glob("*+*+*+*") if _is_abandoned(f)]
        for folder in dead:
            shutil.rmtree(folder, ignore_errors=True)
        return len(dead)


def move_partition(made: str, target: str) -> None:
    """Move a folder's file into place: the whole folder for a new partition, otherwise the file
    over the old one.

    Moving a folder takes one call; creating one, moving the file and removing the empty one takes
    three.
    """
    if not os.path.exists(target):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        try:
            os.rename(made, target)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
        else:
            return  # otherwise another process has created it
    os.replace(f"{made}/{PART}", f"{target}/{PART}")


def quoted(file: Path | str) -> str:
    """Return a path as a DuckDB string literal."""
    return "'" + str(file).replace("'", "''") + "'"


def stamps(files: Sequence[str]) -> tuple[tuple[str, int, int, int], ...]:
    """Return a value that changes with every replacement of one of the files."""
    found = [os.stat(file) for file in files]
    return tuple(
        (file, s.st_ino, s.st_mtime_ns, s.st_size) for file, s in zip(files, found, strict=True)
    )


def _is_abandoned(folder: Path) -> bool:
    owner = " ".join(folder.name.split("+")[:-1])
    if is_here(owner):
        return is_gone(owner)
    try:
        return time.time() - folder.stat().st_mtime > STALE_SECONDS
    except FileNotFoundError:  # its writer has finished
        return False
