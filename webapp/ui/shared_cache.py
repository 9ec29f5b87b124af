"""Values that browsers share: computed once per process, also when many ask together."""

from __future__ import annotations

import time
from collections.abc import Callable
from hashlib import sha256
from threading import Lock
from typing import TypeVar, cast

from django.core.cache import cache

Value = TypeVar("Value")
EXPIRED_SECONDS = 1  # so that no page is more than two seconds old
# Two sets, so that computing a value can read a part of it from here without a deadlock.
_locks, _part_locks = (tuple(Lock() for _ in range(16)) for _ in range(2))


def shared(key: str, seconds: float, make: Callable[[], Value], *, is_part: bool = False) -> Value:
    """Return the cached value of this key. One thread computes it; the others take the expired one
    for up to a second, or wait.

    `make` can call this function only for parts, and `make` of a part cannot.
    """
    digest = sha256(key.encode(errors="backslashreplace")).hexdigest()
    lock = (_part_locks if is_part else _locks)[int(digest[0], 16)]
    found = cache.get(digest)
    if _is_fresh(found):
        return cast("Value", found[0])
    if not lock.acquire(blocking=found is None):
        return cast("Value", found[0])
    try:
        found = cache.get(digest)
        if not _is_fresh(found):
            found = make(), time.monotonic() + seconds
            cache.set(digest, found, seconds and seconds + EXPIRED_SECONDS)
        return cast("Value", found[0])
    finally:
        lock.release()


def _is_fresh(found: tuple[object, float] | None) -> bool:
    return found is not None and time.monotonic() < found[1]
