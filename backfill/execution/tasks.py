"""Celery's part: doorbells. A task carries the ids of a batch and the lease under which it was
sent, and remembers nothing.
"""

from __future__ import annotations

import os
import socket
from datetime import datetime

from celery import shared_task
from django.utils.timezone import now

from backfill.audit import marking
from backfill.execution import sweep as sweeping
from backfill.execution.step import run_step
from backfill.models import Batch
from backfill.notify import messages, pubsub
from backfill.season_calendar import load_calendar


@shared_task(acks_late=True, reject_on_worker_lost=True)
def step(batch: int, lease: str, code: str) -> None:
    """Run one processor over one batch."""
    if sent := Batch.objects.filter(pk=batch, lease=lease, status=Batch.Status.IN_FLIGHT).first():
        run_step(sent, code, load_calendar(), f"worker {os.getpid()}@{socket.gethostname()}")


@shared_task(ignore_result=True)
def sweep(started: str = "") -> None:
    """Look for lost work; a worker that has just started says when."""
    sweeping.sweep_lost_work(datetime.fromisoformat(started) if started else None)


@shared_task(ignore_result=True)
def deliver() -> None:
    """Tell Phase 5 what it has not been told yet."""
    pubsub.deliver(now())


@shared_task(ignore_result=True)
def judge() -> None:
    """Look at what has ended, keep what there is to look at, and tell people of it."""
    marking.audit_due()
    messages.notify(now())


@shared_task(ignore_result=True)
def judge_season(year: int) -> None:
    """Judge one season because somebody has asked for it."""
    marking.audit_season(year)


@shared_task(ignore_result=True)
def tell() -> None:
    """Tell people what they have not been told yet."""
    messages.notify(now())


# Names of the previous release: its messages may still be in Redis when the workers are upgraded.
for _task in (step, sweep, deliver, judge, judge_season, tell):
    shared_task(name=f"backfill.tasks.{_task.__name__}", acks_late=True)(_task.run)
