"""Celery result backend, used only to count chords."""

from __future__ import annotations

from typing import Any

from celery.backends.redis import RedisBackend


class NoResultSubscriptions(RedisBackend):
    """Subscribes to no results. Celery's own backend would subscribe to those of every chord until
    the process ends, and then fail with a traceback on stopping Redis.
    """

    def add_pending_result(
        self, result: Any, weak: bool = False, start_drainer: bool = True
    ) -> Any:
        """Ignore the result; no code reads it."""
        return result
