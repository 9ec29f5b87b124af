"""Collect static files, named by content hash and compressed, when they have changed.

`python -m webapp.ops.static_files` collects them into an image.
"""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import django
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.management.commands.collectstatic import Command
from django.core.files.storage import storages
from django.core.management import call_command

STAMP = ".stamp"


def collect() -> None:
    """Collect the static files unless they are unchanged: collecting takes seconds.

    Raises OSError if the folder is not writable. Readers see the old files or the new ones.
    """
    root, digest = Path(settings.STATIC_ROOT), _digest()
    if _is_current(root, digest):
        return
    root.parent.mkdir(parents=True, exist_ok=True)
    with (
        _only_one(root.parent),
        TemporaryDirectory(dir=root.parent, prefix=".new") as folder,
    ):
        if _is_current(root, digest):  # another process has collected them meanwhile
            return
        new = Path(folder) / "new"
        _collect_into(new)
        (new / STAMP).write_text(digest, encoding="utf-8")
        if root.exists():
            root.rename(Path(folder) / "old")
        new.rename(root)


def collect_or_exit() -> None:
    """Collect the static files; print an error as one line and exit with 2."""
    try:
        collect()
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
    command.storage = storages.create_storage(
        {**settings.STORAGES["staticfiles"], "OPTIONS": {"location": str(folder)}}
    )
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
    collect_or_exit()
