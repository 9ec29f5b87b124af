"""Fences: the newest fencing token of every partition, in a file that is also the partition's lock.

    <root>/.fences/<dataset>.<table>/<partition>        20 digits

Check, token and move happen under one lock, so that a process that is stopped at any instant and
continues later cannot publish over a newer token. The kernel releases the lock when the process
ends. Files are never deleted. Hosts that share the folder need a file system whose flock works
across hosts.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from backfill.crash_points import crash_point
from backfill.errors import Superseded, WarehouseBusy
from backfill.warehouse.schema import Table

DIGITS = 20
# A holder needs milliseconds. A stopped holder is killed by the sweep; until then its successors
# are requeued.
LOCK_SECONDS = 5.0
POLL_SECONDS = 0.01


class Fences:
    """Fences of the partitions below a root."""

    def __init__(self, root: Path) -> None:
        self.path = root / ".fences"

    @contextmanager
    def passed(
        self, table: Table, partition: str, token: int, replaced: Callable[[int], object]
    ) -> Iterator[None]:
        """Hold the lock of a partition inside the block, and store the token; 0 passes unchecked.

        `replaced` receives the stored token before. Raises Superseded after a newer token,
        WarehouseBusy while another process has the lock.
        """
        if not token:
            replaced(self.token(table, partition))
            yield
            return
        descriptor = self._opened(file := self._file(table, partition))
        try:
            _lock(descriptor, file)
            if (newest := _token(descriptor)) > token:
                raise Superseded(fence=newest)
            replaced(newest)
            # Before the partition: after a crash in between, older tokens are refused already.
            os.pwrite(descriptor, f"{token:0{DIGITS}}".encode(), 0)
            crash_point("under-lock")
            yield
        finally:
            os.close(descriptor)

    def token(self, table: Table, partition: str) -> int:
        """Return the stored token of a partition; 0 without one."""
        try:
            descriptor = os.open(self._file(table, partition), os.O_RDONLY)
        except FileNotFoundError:
            return 0
        try:
            return _token(descriptor)
        finally:
            os.close(descriptor)

    def _file(self, table: Table, partition: str) -> str:
        return f"{self.path}/{table}/{partition.replace('/', ' ')}"

    def _opened(self, file: str) -> int:
        try:
            return os.open(file, os.O_RDWR | os.O_CREAT)
        except FileNotFoundError:  # the first partition of a table
            os.makedirs(os.path.dirname(file), exist_ok=True)
            return os.open(file, os.O_RDWR | os.O_CREAT)


def _token(descriptor: int) -> int:
    """Return the stored token; 0 for a new file, and for one that a power cut left unreadable."""
    digits = os.pread(descriptor, DIGITS, 0)
    return int(digits) if len(digits) == DIGITS and digits.isdigit() else 0


def _lock(descriptor: int, file: str) -> None:
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise WarehouseBusy(
                    f"another process holds the lock of {file}; a stopped process of this host is "
                    "killed after WORKER_DEAD_AFTER_SECONDS"
                ) from None
            time.sleep(POLL_SECONDS)
        else:
            return
