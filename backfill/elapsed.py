"""Seconds between two stored times. A clock change between them makes them meaningless; they are
never negative.

Within one process, measure with `time.monotonic` or `time.perf_counter` instead.
"""

from __future__ import annotations

from datetime import datetime

CLOCK_MOVED = "clock moved"


def seconds_between(start: datetime, end: datetime) -> float:
    """Return the seconds from start to end; 0 if the clock was set back in between."""
    return max(0.0, (end - start).total_seconds())
