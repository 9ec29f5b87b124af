"""Garbage collection of this process and its forks."""

import gc

# Python's 700 make the collector walk through all modules and kept seasons again and again: a
# tenth to a fifth of a command, with the other threads waiting. Statements leave few cycles.
NEW_OBJECTS, YOUNG, MIDDLE = 50_000, 5, 5


def collect_rarely() -> None:
    """Collect garbage after more new objects than by default."""
    gc.set_threshold(NEW_OBJECTS, YOUNG, MIDDLE)
