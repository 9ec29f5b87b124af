"""The heartbeat of this process: a row that says when it was last seen and which claims it holds.

A run whose worker is silent, or no longer holds its claim, is lost; the sweep finds it by these
rows.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import Error, connection
from django.utils.timezone import now

from backfill.models import Worker
from backfill.process_id import this_process

log = logging.getLogger(__name__)
_held: set[str] = set()
_stop = threading.Event()


@contextmanager
def holding(claim: str) -> Iterator[None]:
    """Say in every heartbeat that this process holds the claim. Entered before the claim is made."""
    _held.add(claim)
    try:
        yield
    finally:
        _held.discard(claim)


def beat(kind: Worker.Kind) -> None:
    """Write the heartbeat. The time is taken first: a claim made before it is among those held."""
    seen_at = now()
    Worker.objects.update_or_create(
        name=this_process(),
        defaults={"kind": kind, "seen_at": seen_at, "claims": sorted(_held)},
        create_defaults={
            "kind": kind,
            "seen_at": seen_at,
            "started_at": seen_at,
            "claims": sorted(_held),
        },
    )


def start(kind: Worker.Kind) -> None:
    """Beat until the process ends or `stop` is called."""
    _stop.clear()
    threading.Thread(target=_beat_on, args=(kind,), name="heartbeat", daemon=True).start()


def stop() -> None:
    """Say goodbye: a process that ends in order leaves no heartbeat behind."""
    _stop.set()
    try:
        Worker.objects.filter(name=this_process()).delete()
    except Error:  # the sweep takes away what silent workers leave; whoever runs here says himself what is wrong
        log.info("the heartbeat could not be taken back")


@contextmanager
def beating(kind: Worker.Kind) -> Iterator[None]:
    """Beat while the block runs. The first time here: a database that cannot be used stops whoever
    wanted to begin.
    """
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
        except Error as error:  # a locked or restarting database: the next beat may get through
            level = (
                logging.INFO if kind == Worker.Kind.INLINE else logging.WARNING
            )  # a command answers in one line
            log.log(level, "no heartbeat: %s", error)
            connection.close()
        _stop.wait(settings.HEARTBEAT_SECONDS)
    connection.close()
