"""Which process runs an inline job or writes a partition, and whether it still lives."""

from __future__ import annotations

import socket

import psutil


def this_process() -> str:
    """This process as `host pid start`; the start tells it from a later one with the same number."""
    process = psutil.Process()
    return f"{socket.gethostname()} {process.pid} {process.create_time():.2f}"


def is_here(owner: str) -> bool:
    """Whether the process runs, or ran, on this host; only such a one can be seen."""
    return owner.split(" ", maxsplit=1)[0] == socket.gethostname()


def is_gone(owner: str) -> bool:
    """Whether the process of an inline job or of a write has ended. One on another host counts as alive."""
    _, pid, start = owner.split(" ")
    try:
        return is_here(owner) and f"{psutil.Process(int(pid)).create_time():.2f}" != start
    except psutil.NoSuchProcess:
        return True
