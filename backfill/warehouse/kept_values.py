"""Values derived from a season's inputs, kept in DATA_DIR for the next process.

A command takes a second to read a season and half of one to build what an audit needs of it. A file
is used only for the same code, and for the stamps that it was made of; a damaged one is made again.
"""

from __future__ import annotations

import copyreg
import logging
import os
import pickle
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any

from django.conf import settings

from backfill.warehouse.kept_files import KeptFiles
from validation.processor_rules import RULES

log = logging.getLogger(__name__)
CODE = ("backfill", "validation")
UNPICKLED = (pickle.PicklingError, TypeError, AttributeError)
Place = tuple[int, str]
Stamps = tuple[str, ...]


def kept_files() -> KeptFiles:
    """Return the files of DATA_DIR, which is private: a pickle runs code."""
    return KeptFiles(Path(settings.VAR) / "cache")


def read_kept(place: Place, stamps: Stamps) -> tuple[Any] | None:
    """Return the value of a place in a tuple; None if there is none of these stamps."""
    with suppress(Exception):  # a damaged pickle raises anything
        return (pickle.loads(_file(place, stamps).read_bytes()),)
    return None


def keep(place: Place, stamps: Stamps, value: object) -> None:
    """Replace the value of a place, if DATA_DIR is writable and the value can be pickled."""

    def write(file: Path) -> None:
        with file.open("wb") as made:
            pickle.dump(value, made, pickle.HIGHEST_PROTOCOL)

    try:
        kept_files().replace(_file(place, stamps), write)
    except UNPICKLED as error:
        log.warning("%s is not kept for the next process: %s", place[1], error)


def _read_only(values: Mapping[Any, Any]) -> MappingProxyType[Any, Any]:
    return MappingProxyType(values)


copyreg.pickle(MappingProxyType, lambda found: (_read_only, (dict(found),)))


def _file(place: Place, stamps: Stamps) -> Path:
    version = _code(), repr(RULES), *stamps  # processors of other packages have rules too
    return kept_files().path((settings.WAREHOUSE_URL, *place), version, ".pickle")


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
