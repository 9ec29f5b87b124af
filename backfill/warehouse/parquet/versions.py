"""Versions: files that a write has replaced, as hard links under the token of their writer.

    <root>/.versions/<dataset>.<table>/<partition>/<20 digits of the token>+<replaced, ms>.parquet

A version is linked under the lock of its partition before the new file is moved over it, so that a
process killed at any instant leaves it live, kept, or both.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from backfill.warehouse.parquet.damage import is_whole
from backfill.warehouse.parquet.fences import DIGITS
from backfill.warehouse.parquet.staging import PART
from backfill.warehouse.port import Version
from backfill.warehouse.schema import Table

MS = 1_000


class KeptFile(NamedTuple):
    """File of a version."""

    file: str
    version: Version
    size: int


class Versions:
    """Versions of the partitions below a root."""

    def __init__(self, root: Path) -> None:
        self.path = root / ".versions"

    def keep(self, table: Table, partition: str, live: str, token: int) -> None:
        """Keep the live file of a partition, which a write with this token made.

        A damaged file is not kept.
        """
        file = f"{live}/{PART}"
        if not is_whole(file):
            return
        folder, inode = self._folder(table, partition), os.stat(file).st_ino
        if any(entry.inode() == inode for entry in _entries(folder)):
            return  # by a write that ended before its move
        os.makedirs(folder, exist_ok=True)
        _link(file, f"{folder}/{token:0{DIGITS}}+{time.time_ns() // 1_000_000}.parquet")

    def of(self, table: Table, partition: str) -> list[KeptFile]:
        """Return the kept files of a partition, the newest first."""
        return sorted(_files(self._folder(table, partition)), key=_age, reverse=True)

    def prune(self, before: datetime, most_bytes: int = 0, *, dry_run: bool) -> int:
        """Remove the versions replaced before a time, and the oldest beyond a size (0: no limit);
        return how many.

        Safe during writes and reads: a version being read has been opened, or is gone before it is.
        """
        kept = sorted(
            (found for folder in self._folders() for found in _files(folder)),
            key=_age,
            reverse=True,
        )
        sizes = accumulate(found.size for found in kept)
        old = [
            found.file
            for found, size in zip(kept, sizes, strict=True)
            if found.version.replaced_at < before or 0 < most_bytes < size
        ]
        for file in [] if dry_run else old:
            with suppress(FileNotFoundError):  # another process prunes too
                os.unlink(file)
        return len(old)

    def _folder(self, table: Table, partition: str) -> str:
        return f"{self.path}/{table}/{partition.replace('/', ' ')}"

    def _folders(self) -> Iterator[str]:
        for table in _listed(str(self.path)):
            for partition in _listed(f"{self.path}/{table}"):
                yield f"{self.path}/{table}/{partition}"


def _age(found: KeptFile) -> tuple[datetime, int]:
    return found.version.replaced_at, found.version.token


def _files(folder: str) -> Iterator[KeptFile]:
    for name in _listed(folder):
        token, _, rest = name.partition("+")
        ms = rest.removesuffix(".parquet")
        if not (token.isdigit() and ms.isdigit()):
            continue  # not ours
        with suppress(FileNotFoundError):  # pruned in between
            size = os.stat(f"{folder}/{name}").st_size
            at = datetime.fromtimestamp(int(ms) / MS, UTC)
            yield KeptFile(f"{folder}/{name}", Version(int(token), at), size)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    with suppress(FileNotFoundError), os.scandir(folder) as found:
        return list(found)
    return []


def _link(source: str, to: str) -> None:
    try:
        os.link(source, to)
    except FileNotFoundError:
        raise
    except OSError:  # a file system without links
        shutil.copyfile(source, f"{to}.part")
        os.rename(f"{to}.part", to)


def _listed(folder: str) -> list[str]:
    with suppress(FileNotFoundError, NotADirectoryError):
        return os.listdir(folder)
    return []
