"""Celery messages to the workers, by task name, so that only Celery imports the tasks."""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.utils.timezone import now

from backfill import logs
from backfill.celery_app import celery_app, redis_client, unreachable
from backfill.models import Batch, Run
from backfill.processors.registry import CHAIN, PROCESSORS

if TYPE_CHECKING:
    from celery.canvas import Signature

log = logging.getLogger(__name__)
TASKS = "backfill.execution.tasks"


def canvas(batch: Batch) -> Signature | None:
    """Return chain(chord([TDZA, PSZA], PCF), PDC, ML) without finished steps; None without any."""
    from celery import chain, chord, group

    runs = Run.objects.filter(job_id=batch.job_id, batch=batch.number, status__in=Run.ACTIVE)
    left = set(runs.values_list("processor", flat=True))
    steps = {code: _step(batch, code) for code in CHAIN if code in left}
    first = [steps.pop(code) for code in CHAIN if code in steps and not PROCESSORS[code].after]
    rest = list(steps.values())
    if len(first) > 1:
        return chain(chord(first, rest[0]), *rest[1:]) if rest else group(first)
    return chain(*first, *rest) if first or rest else None


def _step(batch: Batch, code: str) -> Signature:
    return celery_app().signature(f"{TASKS}.step", (batch.pk, batch.lease, code), immutable=True)


def enqueue(batch: Batch) -> None:
    """Send a batch to the workers; without Redis it waits for the next sweep."""
    try:
        if signature := canvas(batch):
            _check_redis()
            signature.apply_async()
    except unreachable() as error:
        with logs.about(job=batch.job_id, batch=batch.number):
            log.warning("%s waits for the sweep: Redis does not answer (%s)", batch, error)
        mine = Batch.objects.filter(pk=batch.pk, lease=batch.lease)
        mine.update(status=Batch.Status.WAITING, lease="", reason="Redis does not answer")


def redis_started_at() -> datetime | None:
    """Return the start of Redis, at most a second early; None if it does not answer.

    Earlier messages are lost, because Redis runs without persistence.
    """
    with suppress(*unreachable()):
        _check_redis()
        server = redis_client().info("server")
        return now() - timedelta(seconds=server["uptime_in_seconds"] + 1)
    return None


def _check_redis() -> None:
    """Raise immediately when Redis does not answer, because Celery would retry for seconds."""
    redis_client().ping()


def enqueue_deliver() -> None:
    """Have a worker deliver Phase 5 triggers; without Redis the next sweep does."""
    _send("deliver", "Phase 5 trigger delivery")


def enqueue_audit() -> None:
    """Have a worker audit finished jobs; without Redis the next sweep does."""
    _send("judge", "the audit of finished jobs")


def enqueue_notify() -> None:
    """Have a worker send notifications; without Redis the next sweep does."""
    _send("tell", "sending notifications")


def enqueue_sweep(started: datetime) -> None:
    """Have a worker sweep after a worker start."""
    celery_app().send_task(f"{TASKS}.sweep", (started.isoformat(),))


def enqueue_audit_season(year: int) -> bool:
    """Have a worker audit a season; False when Redis does not answer."""
    try:
        _check_redis()
        celery_app().send_task(f"{TASKS}.judge_season", (year,))
    except unreachable() as error:
        log.warning("season %s is audited in this process: Redis does not answer (%s)", year, error)
        return False
    return True


def _send(task: str, subject: str) -> None:
    try:
        _check_redis()
        celery_app().send_task(f"{TASKS}.{task}")
    except unreachable() as error:
        log.warning("%s waits for the sweep: Redis does not answer (%s)", subject, error)
