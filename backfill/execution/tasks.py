"""Celery tasks: stateless triggers that carry the id of a batch and its lease."""

from __future__ import annotations

import os
import socket
from datetime import datetime

from celery import shared_task
from django.conf import settings
from django.core.management import call_command
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
    """Sweep for lost work; `started` is the start time of a new worker."""
    sweeping.sweep_lost_work(datetime.fromisoformat(started) if started else None)


@shared_task(ignore_result=True)
def deliver() -> None:
    """Deliver pending Phase 5 triggers."""
    pubsub.deliver(now())


@shared_task(ignore_result=True)
def judge() -> None:
    """Audit the seasons of finished jobs, and send notifications."""
    marking.audit_due()
    messages.notify(now())


@shared_task(ignore_result=True)
def judge_season(year: int) -> None:
    """Audit one season on request."""
    marking.audit_season(year)


@shared_task(ignore_result=True)
def tell() -> None:
    """Send pending notifications."""
    messages.notify(now())


@shared_task(ignore_result=True)
def prune() -> None:
    """Delete old rows, as `manage.py prune` does."""
    call_command("prune", keep_days=settings.KEEP_DAYS or None)


# Task names of the previous release, whose messages may still be in Redis after an upgrade.
for _task in (step, sweep, deliver, judge, judge_season, tell):
    shared_task(name=f"backfill.tasks.{_task.__name__}", acks_late=True)(_task.run)
