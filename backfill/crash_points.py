"""Named crash points: tests kill or stop a process at the places where that does most damage.

`BACKCOURT_CRASH_AT=after-output:3` kills the process without cleanup on its third pass through this
point; `BACKCOURT_STOP_AT` stops it there until SIGCONT.
"""

from __future__ import annotations

import os
import signal
from collections import Counter

POINTS = (
    *("after-claim", "before-publication", "under-lock"),
    *("after-failures", "after-output", "after-history", "after-record"),
)
SIGNALS = {"BACKCOURT_CRASH_AT": signal.SIGKILL, "BACKCOURT_STOP_AT": signal.SIGSTOP}
VERSION_POINTS = ("version-kept",)  # only a write that replaces a partition passes
LOAD_POINTS = ("load-begun", "load-file", "load-prepared", "load-switched")
COPY_POINTS = ("copy-begun", "copy-parts")
BACKUP_POINTS = ("backup-database", "backup-warehouse", "backup-written")
RESTORE_POINTS = ("restore-warehouse", "restore-database")
_passed: Counter[str] = Counter()


def crash_point(point: str) -> None:
    """Mark a crash point; does nothing unless the environment requests a signal here."""
    for variable, sign in SIGNALS.items():
        wanted, _, times = os.environ.get(variable, "").partition(":")
        if wanted == point:
            _passed[point] += 1
            if _passed[point] == int(times or 1):
                os.kill(os.getpid(), sign)
