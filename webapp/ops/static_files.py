"""Collect static files, named by content hash and compressed, after they have changed."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import django
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command


def collect() -> None:
    """Collect the static files unless they are unchanged: collecting takes seconds."""
    stamp, digest = Path(settings.STATIC_ROOT) / ".stamp", _digest()
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != digest:
        call_command("collectstatic", interactive=False, clear=True, verbosity=0)
        stamp.write_text(digest, encoding="utf-8")


def _digest() -> str:
    return sha256("\n".join([django.__version__, *sorted(_files())]).encode()).hexdigest()


def _files() -> Iterator[str]:
    for finder in get_finders():
        for path, storage in finder.list([]):
            found = Path(storage.path(path)).stat()
            yield f"{path} {found.st_size} {found.st_mtime_ns}"
