"""The places where a crash would hurt, by name, so that tests can kill a process exactly there.

`BACKCOURT_CRASH_AT=after-output:3` kills the process without a word the third time that it passes
this point.
"""

from __future__ import annotations

import os
import signal
from collections import Counter

POINTS = ("after-claim", "after-failures", "after-output", "after-history", "after-record")
_passed: Counter[str] = Counter()


def crash_point(point: str) -> None:
    """Mark a point; nothing happens unless the environment asks for a crash here."""
    wanted, _, times = os.environ.get("BACKCOURT_CRASH_AT", "").partition(":")
    if wanted == point:
        _passed[point] += 1
        if _passed[point] == int(times or 1):
            os.kill(os.getpid(), signal.SIGKILL)
