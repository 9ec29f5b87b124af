"""Collect static files, named by content hash, when they have changed, and compress them.

`python -m webapp.ops.static_files` does both, for an image and after the start of bin/up. Compressing
takes seconds, so bin/up serves the files before.
"""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import django
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.management.commands.collectstatic import Command
from django.core.management import call_command
from whitenoise.compress import Compressor
from whitenoise.storage import CompressedManifestStaticFilesStorage

STAMP = ".stamp"
COMPRESSED = ".compressed"
NICENESS = 15  # bin/up answers pages and simulates its season meanwhile


class Storage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Storage that leaves compressing to `compress`."""

    def compress_files(self, paths: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Compress no file."""
        return iter(())


class WholeFileCompressor(Compressor):  # type: ignore[misc]
    """Compressor that writes a file as a whole, so that readers and a kill find no part of one."""

    def write_data(self, path: str, data: bytes, suffix: str, stat_result: os.stat_result) -> str:
        """Write a compressed file; return its path."""
        part: str = super().write_data(path, data, f"{suffix}.part", stat_result)
        whole = part.removesuffix(".part")
        os.replace(part, whole)
        return whole


def collect() -> bool:
    """Collect the static files, not compressed, unless they are unchanged; return True if collected.

    Raises OSError if the folder is not writable. Readers see the old files or the new ones.
    """
    root, digest = Path(settings.STATIC_ROOT), _digest()
    if _is_current(root, digest):
        return False
    root.parent.mkdir(parents=True, exist_ok=True)
    with (
        _only_one(root.parent),
        TemporaryDirectory(dir=root.parent, prefix=".new") as folder,
    ):
        if _is_current(root, digest):  # another process has collected them meanwhile
            return False
        new = Path(folder) / "new"
        _collect_into(new)
        (new / STAMP).write_text(digest, encoding="utf-8")
        if root.exists():
            root.rename(Path(folder) / "old")
        new.rename(root)
    return True


def compress() -> None:
    """Add the compressed copies of collected files, once. Raises OSError."""
    root = Path(settings.STATIC_ROOT)
    with _only_one(root.parent):
        if not is_compressed():
            storage = CompressedManifestStaticFilesStorage(str(root))
            storage.create_compressor = WholeFileCompressor
            for _ in storage.compress_files(storage.hashed_files.values()):
                pass
            (root / COMPRESSED).touch()


def is_compressed() -> bool:
    """Return True if no compressed copy is missing."""
    return (Path(settings.STATIC_ROOT) / COMPRESSED).exists()


def collect_or_exit(*, always_compress: bool = False) -> None:
    """Collect the static files and compress new ones; print an error as one line and exit with 2.

    Files that bin/up collected are complete only after `always_compress`.
    """
    try:
        if collect() or always_compress:
            compress()
    except OSError as error:
        sys.stderr.write(
            f"static files cannot be collected in {settings.STATIC_ROOT} ({error});"
            " make its parent folder writable, or collect them in the image\n"
        )
        sys.exit(2)


def _is_current(root: Path, digest: str) -> bool:
    try:
        return (root / STAMP).read_text(encoding="utf-8") == digest
    except FileNotFoundError:
        return False


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _collect_into(folder: Path) -> None:
    command = Command()
    command.storage = Storage(str(folder))
    call_command(command, interactive=False, verbosity=0)


def _digest() -> str:
    return sha256("\n".join([django.__version__, *sorted(_files())]).encode()).hexdigest()


def _files() -> Iterator[str]:
    """Yield each file with its content's hash; times and sizes differ between layers of an image."""
    for finder in get_finders():
        for path, storage in finder.list([]):
            yield f"{path} {sha256(Path(storage.path(path)).read_bytes()).hexdigest()}"


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")
    django.setup()
    os.nice(NICENESS)
    collect_or_exit(always_compress=True)
