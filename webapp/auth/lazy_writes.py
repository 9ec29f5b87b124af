"""Writes that a read causes, such as the time of a token's last use: short, and allowed to fail."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import Error, connection, transaction

log = logging.getLogger(__name__)
WAIT_MS = 250  # for a lock; the request waits


def try_write(purpose: str, write: Callable[[], object]) -> None:
    """Write in a transaction; log a database error instead of raising it."""
    try:
        with _short_wait(), transaction.atomic():
            if connection.vendor == "postgresql":
                with connection.cursor() as cursor:
                    cursor.execute(f"SET LOCAL lock_timeout = '{WAIT_MS}ms'")
            write()
    except Error as error:
        log.info("%s not recorded: %s", purpose, str(error).partition("\n")[0])


@contextmanager
def _short_wait() -> Iterator[None]:
    """Shorten SQLite's wait for a writer."""
    if connection.vendor != "sqlite":
        yield
        return
    usual = int(connection.settings_dict["OPTIONS"].get("timeout", 5)) * 1000
    _set_busy_timeout(WAIT_MS)
    try:
        yield
    finally:
        _set_busy_timeout(usual)


def _set_busy_timeout(milliseconds: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA busy_timeout = {milliseconds}")
