"""Identity of the process that runs an inline job or writes a partition."""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress
from pathlib import Path

KILL_SECONDS = 2.0
POLL_SECONDS = 0.01


def this_process() -> str:
    """Return this process as `host pid start`; the start distinguishes reused PIDs."""
    return f"{socket.gethostname()} {os.getpid()} {_started(os.getpid())}"


def is_here(owner: str) -> bool:
    """Return True if the process runs, or ran, on this host."""
    return owner.split(" ", maxsplit=1)[0] == socket.gethostname()


def is_gone(owner: str) -> bool:
    """Return True if the process has ended. A process on another host counts as alive."""
    _, pid, start = owner.split(" ")
    return is_here(owner) and _started(int(pid)) != start


def is_stopped(owner: str) -> bool:
    """Return True for a process of this host that was stopped by a signal."""
    if not is_here(owner) or is_gone(owner):
        return False
    import psutil

    with suppress(psutil.Error):
        return bool(psutil.Process(int(owner.split(" ")[1])).status() == psutil.STATUS_STOPPED)
    return False


def kill(owner: str) -> bool:
    """Kill a process of this host, also a stopped one; return True if it has ended."""
    import psutil

    with suppress(psutil.Error):
        process = psutil.Process(int(owner.split(" ")[1]))
        # Checked after psutil has noted the process, which it compares again before the signal.
        if not is_gone(owner):
            process.kill()
    deadline = time.monotonic() + KILL_SECONDS
    while not (ended := is_gone(owner)) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return ended


def _started(pid: int) -> str:
    """Return the start of a process; empty if it has ended, also as a zombie.

    Linux counts from boot, so a clock change cannot make a live process look like another one.
    """
    if Path("/proc/self/stat").exists():
        with suppress(FileNotFoundError, ProcessLookupError):
            state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
            return "" if state in "ZX" else fields[18]
        return ""
    import psutil

    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        if process.status() != psutil.STATUS_ZOMBIE:
            return str(process.create_time())
    return ""
