"""Which process runs an inline job or writes a partition, and whether it still lives."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import psutil


def this_process() -> str:
    """This process as `host pid start`; the start tells it from a later one with the same number."""
    return f"{socket.gethostname()} {os.getpid()} {_started(os.getpid())}"


def is_here(owner: str) -> bool:
    """Whether the process runs, or ran, on this host; only such a one can be seen."""
    return owner.split(" ", maxsplit=1)[0] == socket.gethostname()


def is_gone(owner: str) -> bool:
    """Whether the process of an inline job or of a write has ended. One on another host counts as
    alive.
    """
    _, pid, start = owner.split(" ")
    return is_here(owner) and _started(int(pid)) != start


def _started(pid: int) -> str:
    """When a process started; empty when it has ended, even if nobody has asked how.

    Linux counts from its own start, so that no change of the clock makes a living process look like
    another one.
    """
    try:
        if Path("/proc/self/stat").exists():
            state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
            return "" if state in "ZX" else fields[18]
        process = psutil.Process(pid)
        return "" if process.status() == psutil.STATUS_ZOMBIE else str(process.create_time())
    except (FileNotFoundError, ProcessLookupError, psutil.NoSuchProcess):
        return ""
