"""Files of derived values, kept in a folder for the next process, the oldest removed."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

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
            with TemporaryDirectory(dir=self._folder) as made:
                write(Path(made) / file.name)
                for old in self._folder.glob(f"{file.name.split('-')[0]}-*"):
                    old.unlink(missing_ok=True)
                os.replace(Path(made) / file.name, file)
            self._prune()

    def _prune(self) -> None:
        files = [file for file in self._folder.iterdir() if file.is_file()]
        if len(files) > MOST_FILES:
            for file in sorted(files, key=lambda f: f.stat().st_mtime)[: MOST_FILES // 2]:
                file.unlink(missing_ok=True)


def _digest(key: object) -> str:
    return sha256(repr(key).encode()).hexdigest()[:24]
