"""Who runs an inline job, and whether that process still lives."""

from __future__ import annotations

import socket

import psutil


def this_process() -> str:
    """This process as `host pid start`; the start tells it from a later one with the same number."""
    process = psutil.Process()
    return f"{socket.gethostname()} {process.pid} {process.create_time():.2f}"


def is_gone(owner: str) -> bool:
    """Whether the process of an inline job has ended. One on another host cannot be seen, so it counts as alive."""
    host, pid, start = owner.split(" ")
    if host != socket.gethostname():
        return False
    try:
        return f"{psutil.Process(int(pid)).create_time():.2f}" != start
    except psutil.NoSuchProcess:
        return True
