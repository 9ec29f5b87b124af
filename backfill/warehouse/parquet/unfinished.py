"""Record of a write that has begun and not ended, and the lock of the process that does it."""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import IO

from backfill.errors import Refused
from backfill.warehouse.parquet.durable import sync_folder, write_durably
from backfill.warehouse.port import UnfinishedWrite

# A reader holds the lock for an instant when it looks for the writer.
TRIES, TRY_SECONDS = 10, 0.05


class UnfinishedFile:
    """The files `unfinished` and `lock` of one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._record, self._lock = folder, folder / "unfinished", folder / "lock"

    def read(self) -> UnfinishedWrite | None:
        """Return the recorded write, with the state of its process."""
        try:
            found = UnfinishedWrite(**json.loads(self._record.read_text()))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError):
            found = UnfinishedWrite(title="load")
        return replace(found, is_running=self._is_held())

    def write(self, write: UnfinishedWrite) -> None:
        """Record a write before it begins."""
        write_durably(self._record, json.dumps(asdict(write)))

    def remove(self) -> None:
        """Forget the write, which has ended."""
        self._record.unlink(missing_ok=True)
        sync_folder(self._folder)

    @contextmanager
    def held(self, refusal: str = "another process writes here") -> Iterator[None]:
        """Hold the lock, which ends with the process. Raises Refused if another process holds it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._lock.open("w") as lock:
            if not _acquired(lock):
                raise Refused(refusal)
            yield

    def _is_held(self) -> bool:
        with suppress(FileNotFoundError), self._lock.open() as lock:
            return not _acquired(lock, fcntl.LOCK_SH, tries=1)
        return False


def _acquired(lock: IO[str], kind: int = fcntl.LOCK_EX, *, tries: int = TRIES) -> bool:
    for n in range(tries):
        time.sleep(TRY_SECONDS if n else 0)
        with suppress(BlockingIOError):
            fcntl.flock(lock, kind | fcntl.LOCK_NB)
            return True
    return False
