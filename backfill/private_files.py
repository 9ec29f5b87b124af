"""Files that only the user of the processes can read: the database has sessions and password hashes."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

UMASK = 0o077
OTHERS = stat.S_IRWXG | stat.S_IRWXO


def make_private(folder: Path) -> None:
    """Create a folder, or take group and others off an existing one and the files directly in it.

    Nothing below is reachable then. A shared folder such as /tmp stays as it is.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if is_shared(folder):
        return
    for path in (folder, *folder.iterdir()):
        mode = path.lstat().st_mode
        if mode & OTHERS and not stat.S_ISLNK(mode):
            with suppress(OSError):  # of another user, or read-only; `check --deploy` reports it
                path.chmod(stat.S_IMODE(mode) & ~OTHERS)


def working_folder(data_folder: Path) -> Path:
    """Return the folder for temporary files: DATA_DIR or, if it is read-only, one of this user where
    Python creates such files.
    """
    if os.access(data_folder, os.W_OK):
        return data_folder / "run"
    return Path(tempfile.gettempdir()) / f"backcourt-{os.getuid()}"


def is_shared(folder: Path) -> bool:
    """Return True for a folder that any user can write to."""
    return bool(folder.stat().st_mode & stat.S_ISVTX)


def readable_by_others(*paths: Path) -> Iterator[Path]:
    """Yield the files and folders, at these paths and below, that group or others can access."""
    for path in paths:
        with suppress(OSError):  # deleted in between
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                continue
            if mode & OTHERS:
                yield path
            if stat.S_ISDIR(mode):
                yield from readable_by_others(*path.iterdir())
