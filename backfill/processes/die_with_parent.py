"""Processes that end with their parent.

python -m backfill.processes.die_with_parent SIGNAL COMMAND...

replaces itself with the command, and the kernel sends it the signal when its parent ends. Linux
only; elsewhere the command runs untied.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
PARENT = "BACKCOURT_PARENT"  # PID of the expected parent, which may end before the tie exists


def die_with_parent(sign: str, *command: str) -> list[str]:
    """Return the command line that runs another command tied to this process."""
    return [sys.executable, "-m", "backfill.processes.die_with_parent", sign, *command]


def set_parent_death_signal(sign: signal.Signals) -> None:
    """Have the kernel send this process the signal when its parent ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, sign)
    if int(os.environ.get(PARENT, os.getppid())) != os.getppid():
        os.kill(os.getpid(), sign)


def expect_children() -> None:
    """Name this process as the expected parent of those that it starts and ties."""
    os.environ[PARENT] = str(os.getpid())


def become(sign: signal.Signals, command: list[str]) -> None:
    """Replace this process with the command."""
    set_parent_death_signal(sign)
    expect_children()
    os.execvp(command[0], command)


if __name__ == "__main__":
    become(signal.Signals[sys.argv[1]], sys.argv[2:])
