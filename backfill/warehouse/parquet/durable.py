"""Files that are on disk when a call returns, whole or not at all."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def write_durably(file: Path, text: str) -> None:
    """Replace a file in one rename."""
    made = file.with_name(f".{file.name}.new")
    with made.open("w") as new:
        new.write(text)
        _sync(new.fileno())
    made.replace(file)
    sync_folder(file.parent)


def link_or_copy(source: Path, to: Path) -> None:
    """Give a file that never changes a second name; copy it where the file system has no links."""
    to.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, to)
    except OSError:
        copy_durably(source, to)
    sync_folder(to.parent)


def copy_durably(source: Path, to: Path) -> None:
    """Copy a file into a folder, which is created if missing."""
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, to)
    with to.open("rb") as copied:
        _sync(copied.fileno())
    sync_folder(to.parent)


def sync_folder(folder: Path) -> None:
    """Write the names in a folder to disk."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        _sync(opened)
    finally:
        os.close(opened)


def _sync(descriptor: int) -> None:
    os.fsync(descriptor)
