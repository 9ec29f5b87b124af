"""Processes that do not outlive their parent.

python -m backfill.processes.die_with_parent SIGNAL COMMAND...

becomes the command, and the kernel sends it the signal when its parent ends, however that ends.
Only Linux can do that;
elsewhere the command runs untied.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
PARENT = "BACKCOURT_PARENT"  # whom a tied process expects as its parent: it may have ended before the tie was made


def die_with_parent(sign: str, *command: str) -> list[str]:
    """The command line that runs another, tied."""
    return [sys.executable, "-m", "backfill.processes.die_with_parent", sign, *command]


def set_parent_death_signal(sign: signal.Signals) -> None:
    """Let the kernel send this process the signal when its parent ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, sign)
    if int(os.environ.get(PARENT, os.getppid())) != os.getppid():
        os.kill(os.getpid(), sign)


def become(sign: signal.Signals, command: list[str]) -> None:
    """Turn this process into the command; what that ties in turn expects it as its parent."""
    set_parent_death_signal(sign)
    os.environ[PARENT] = str(os.getpid())
    os.execvp(command[0], command)


if __name__ == "__main__":
    become(signal.Signals[sys.argv[1]], sys.argv[2:])
