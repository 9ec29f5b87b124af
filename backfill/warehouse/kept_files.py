"""Files of derived values, kept in a folder for the next process, the oldest removed."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

MOST_FILES = 500  # some twenty seasons


class KeptFiles:
    """Folder with one file per subject, for the version that it was made of."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, subject: object, version: object, suffix: str) -> Path:
        """Return the path of a subject's file of this version."""
        return self._folder / f"{_digest(subject)}-{_digest(version)}{suffix}"

    def replace(self, file: Path, write: Callable[[Path], object]) -> None:
        """Replace the file of a subject by one of another version; do nothing if the folder is
        read-only or full.
        """
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            made = self._folder / f"{uuid4().hex}.new"
            try:
                write(made)
                self._make_room(file.name.partition("-")[0])
                made.replace(file)
            finally:
                made.unlink(missing_ok=True)

    def _make_room(self, subject: str) -> None:
        """Remove the other versions of a subject; of too many files, the older half."""
        with os.scandir(self._folder) as found:
            files = list(found)
        old = [file for file in files if file.name.startswith(f"{subject}-")]
        if len(files) > MOST_FILES:
            old += sorted(files, key=lambda f: f.stat().st_mtime)[: MOST_FILES // 2]
        for file in old:
            Path(file.path).unlink(missing_ok=True)


def _digest(key: object) -> str:
    return sha256(repr(key).encode()).hexdigest()[:24]
