"""Heartbeat of this process: a row with its last-seen time and its claims.

From these rows the sweep detects lost runs: their worker is silent or dropped their claim.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import Error, connection
from django.utils.timezone import now

from backfill.liveness import mark_alive, mark_stopped
from backfill.models import Worker
from backfill.process_id import this_process

log = logging.getLogger(__name__)
LIVENESS = "worker"  # of `manage.py health worker`
_held: set[str] = set()
_stop = threading.Event()


@contextmanager
def holding(claim: str) -> Iterator[None]:
    """Include a claim in every heartbeat. Enter before claiming."""
    _held.add(claim)
    try:
        yield
    finally:
        _held.discard(claim)


def beat(kind: Worker.Kind) -> None:
    """Write the heartbeat. The time is read first, so that earlier claims are included."""
    seen_at = now()
    fields = {
        "kind": kind,
        "seen_at": seen_at,
        "claims": sorted(_held),
        "clock_ahead": clock_ahead(),
    }
    Worker.objects.update_or_create(
        name=this_process(), defaults=fields, create_defaults={**fields, "started_at": seen_at}
    )


def clock_ahead() -> float:
    """Return the seconds by which this host's clock is ahead of the database server's.

    0 with SQLite, which has no clock of its own.
    """
    if connection.vendor != "postgresql":
        return 0.0
    with connection.cursor() as cursor:
        before = now()
        cursor.execute("SELECT clock_timestamp()")
        (there,) = cursor.fetchone()
        here = before + (now() - before) / 2
    return float((here - there).total_seconds())


def start(kind: Worker.Kind) -> None:
    """Send heartbeats until the process ends or `stop` is called."""
    _stop.clear()
    threading.Thread(target=_beat_on, args=(kind,), name="heartbeat", daemon=True).start()


def stop() -> None:
    """Delete the heartbeat on a clean exit."""
    _stop.set()
    mark_stopped(settings.VAR, LIVENESS)
    try:
        Worker.objects.filter(name=this_process()).delete()
    except Error:  # the sweep deletes the rows of silent workers
        log.info("deleting the heartbeat failed")


@contextmanager
def beating(kind: Worker.Kind) -> Iterator[None]:
    """Send heartbeats during the block; the first one raises if the database is unavailable."""
    beat(kind)
    start(kind)
    try:
        yield
    finally:
        stop()


def _beat_on(kind: Worker.Kind) -> None:
    while not _stop.is_set():
        try:
            beat(kind)
            if kind == Worker.Kind.WORKER and not _stop.is_set():
                mark_alive(settings.VAR, LIVENESS)
        except Error as error:  # a locked or restarting database: the next beat may succeed
            # INFO inline, because a command reports errors in one line.
            level = logging.INFO if kind == Worker.Kind.INLINE else logging.WARNING
            log.log(level, "heartbeat failed: %s", error)
            connection.close()
        _stop.wait(settings.HEARTBEAT_SECONDS)
    connection.close()
