"""Silent workers: processes whose heartbeat stopped.

A silent worker may only be stopped. On this host it is killed before its runs are requeued, which
also releases its locks in the warehouse; on another host only its fencing token stops it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from backfill import process_id
from backfill.models import Job, Worker

log = logging.getLogger(__name__)
# Heartbeats within which a live worker writes its next one.
BEATS = 2


def silent_workers(at: datetime) -> frozenset[str]:
    """Return the names of the workers without a heartbeat, after killing those of this host.

    A heartbeat too far from now is read again two intervals later: after a clock change or a locked
    database, a live worker has written the next one.
    """
    suspects = [w for w in Worker.objects.all() if _is_suspect(w, at)]
    if not suspects:
        return frozenset()
    if not all(process_id.is_stopped(worker.name) for worker in suspects):
        with transaction.atomic():
            pass  # wait for the lock of SQLite, as their heartbeats may; a stopped one may hold it
    time.sleep(BEATS * settings.HEARTBEAT_SECONDS)
    before = {worker.pk: worker.seen_at for worker in suspects}
    silent = [w for w in Worker.objects.filter(pk__in=before) if w.seen_at == before[w.pk]]
    _kill(worker for worker in silent if process_id.is_here(worker.name))
    return frozenset(worker.name for worker in silent)


def _is_suspect(worker: Worker, at: datetime) -> bool:
    limit = timedelta(seconds=settings.WORKER_DEAD_AFTER_SECONDS)
    is_gone = process_id.is_gone(worker.name) or worker.name == process_id.this_process()
    return abs(at - worker.seen_at) > limit and not is_gone


def _kill(workers: Iterable[Worker]) -> None:
    """Kill these processes, except a suspended inline process that still owns its job."""
    for worker in workers:
        owned = Job.objects.filter(owner=worker.name).exclude(status__in=Job.ENDED)
        if worker.kind == Worker.Kind.INLINE and owned.exists():
            continue
        outcome = "killed" if process_id.kill(worker.name) else "cannot be killed"
        log.warning("%s: no heartbeat since %s; %s", worker.name, worker.seen_at, outcome)
