"""Values derived from a season's inputs, kept in DATA_DIR for the next process.

A command takes a second to read a season and half of one to build what an audit needs of it. A file
is used only for the same code, and for the stamps that it was made of; a damaged one is made again.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from django.conf import settings

CODE = ("backfill", "validation")


def read_kept(place: tuple[object, ...], stamps: tuple[str, ...]) -> tuple[Any] | None:
    """Return the kept value, in a tuple; None if there is none of these stamps."""
    with suppress(Exception):  # a damaged pickle raises anything
        kept, value = pickle.loads(_file(place).read_bytes())
        return (value,) if kept == _version(stamps) else None
    return None


def keep(place: tuple[object, ...], stamps: tuple[str, ...], value: object) -> None:
    """Replace the kept value of a place, if DATA_DIR is writable."""
    file = _file(place)
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=file.parent, suffix=".new", delete=False) as new:
            try:
                pickle.dump((_version(stamps), value), new, pickle.HIGHEST_PROTOCOL)
                os.replace(new.name, file)
            except BaseException:
                os.unlink(new.name)
                raise


def _file(place: tuple[object, ...]) -> Path:
    name = sha256(repr((settings.WAREHOUSE_URL, *place)).encode()).hexdigest()[:32]
    return Path(settings.VAR) / "cache" / f"{name}.pickle"


def _version(stamps: tuple[str, ...]) -> tuple[str, ...]:
    return (_code(), *stamps)


@cache
def _code() -> str:
    """Return text that changes with every module and statement of the product."""
    root = Path(__file__).parents[2]
    stats = ((f.path, f.stat()) for name in CODE for f in _files(root / name))
    listed = sorted((path, found.st_mtime_ns, found.st_size) for path, found in stats)
    return sha256(repr(listed).encode()).hexdigest()


def _files(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as found:
        for entry in found:
            if entry.is_dir():
                if entry.name != "__pycache__":
                    yield from _files(Path(entry.path))
            elif entry.name.endswith((".py", ".sql")):
                yield entry
