"""What a Celery worker does besides tasks: it beats, and looks for lost work when it starts."""

from __future__ import annotations

import signal
from typing import Any

from celery.signals import worker_init, worker_process_init, worker_process_shutdown, worker_ready
from django.core.checks import run_checks
from django.utils.timezone import now

from backfill import checks
from backfill.execution import heartbeat, queue
from backfill.models import Worker
from backfill.processes.die_with_parent import set_parent_death_signal
from backfill.version import code_version


@worker_init.connect
def check(**kwargs: Any) -> None:
    """A misconfigured worker does not start."""
    if wrong := [
        str(m.msg) for m in run_checks(tags=[checks.OWN, checks.NOTICES]) if m.is_serious()
    ]:
        raise SystemExit("; ".join(wrong))


@worker_process_init.connect
def begin(**kwargs: Any) -> None:
    """A process of the pool starts: it ends with its parent, notes the code that it runs, and
    beats.
    """
    set_parent_death_signal(signal.SIGKILL)
    code_version()
    heartbeat.start(Worker.Kind.WORKER)


@worker_process_shutdown.connect
def end(**kwargs: Any) -> None:
    """A process of the pool ends in order."""
    heartbeat.stop()


@worker_ready.connect
def look_for_lost_work(**kwargs: Any) -> None:
    """What was on its way before this worker started may be lost; no need to wait for the next
    sweep.
    """
    queue.enqueue_sweep(now())
