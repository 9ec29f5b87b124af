"""Values that browsers share: computed once per process, also when many ask together."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from threading import Lock
from typing import TypeVar, cast

from django.core.cache import cache

Value = TypeVar("Value")
# Two sets, so that computing a value can read a part of it from here without a deadlock.
_locks, _part_locks = (tuple(Lock() for _ in range(16)) for _ in range(2))


def shared(key: str, seconds: float, make: Callable[[], Value], *, is_part: bool = False) -> Value:
    """Return the cached value of this key. One thread computes it, the others wait for it.

    `make` can call this function only for parts, and `make` of a part cannot.
    """
    digest = sha256(key.encode(errors="backslashreplace")).hexdigest()
    with (_part_locks if is_part else _locks)[int(digest[0], 16)]:
        return cast("Value", cache.get_or_set(digest, make, seconds))
