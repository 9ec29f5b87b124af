"""Celery signals of workers and beat: heartbeat, and the search for lost work."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from typing import Any

from celery.signals import (
    beat_init,
    worker_init,
    worker_process_init,
    worker_process_shutdown,
    worker_ready,
)
from django.core.checks import run_checks
from django.utils.timezone import now

from backfill import checks
from backfill.cli.base import REFUSED
from backfill.execution import heartbeat, queue, sweep
from backfill.models import Worker
from backfill.processes.die_with_parent import set_parent_death_signal
from backfill.processes.garbage import collect_rarely
from backfill.telemetry import lineage, log_streams, tracing
from backfill.version import code_version
from backfill.warehouse import season_cache

log = logging.getLogger(__name__)

# Pages are answered first when both need the same cores; a worker alone runs at full speed.
NICENESS = 5
# Before the pool processes of this worker, which are no older workers.
STARTED_AT = now()


@worker_init.connect
def check(**kwargs: Any) -> None:
    """Refuse to start a misconfigured worker."""
    tags = [checks.OWN, checks.NOTICES, checks.LOCATION]
    if wrong := [str(m.msg) for m in run_checks(tags=tags) if m.is_serious()]:
        sys.stderr.write(f"{'; '.join(wrong)}\n")
        raise SystemExit(REFUSED)


@worker_init.connect
def log_stop_messages(**kwargs: Any) -> None:
    """Log what Celery's signal handlers print."""
    from celery.apps import worker

    worker.safe_say = lambda message, stream=None: log.info("%s", message)  # type: ignore[attr-defined]


@worker_process_init.connect
def begin(**kwargs: Any) -> None:
    """Start a pool process: tie it to its parent, limit its memory, start its heartbeat."""
    set_parent_death_signal(signal.SIGKILL)
    log_streams.redirect_native_output()
    os.nice(NICENESS)
    collect_rarely()
    code_version()
    season_cache.limit_seasons(season_cache.MOST_SEASONS_OF_A_WORKER)
    heartbeat.start(Worker.Kind.WORKER)


@worker_process_shutdown.connect
def end(**kwargs: Any) -> None:
    """End a pool process in order."""
    lineage.shut_down()
    tracing.shut_down()
    heartbeat.stop()


@worker_ready.connect
def look_for_lost_work(**kwargs: Any) -> None:
    """Sweep at start, because work sent before this worker started may be lost."""
    queue.enqueue_sweep(STARTED_AT)


@beat_init.connect
def watch_workers(**kwargs: Any) -> None:
    """Sweep in the process of beat too, which no step delays.

    Not in the main process of the workers: its pool processes would inherit the connection.
    """
    threading.Thread(target=sweep.watch, name="watch", daemon=True).start()
