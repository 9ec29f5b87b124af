"""Messages to the workers, by task name: only Celery imports the tasks."""

from __future__ import annotations

import logging
from datetime import datetime

from celery import chain, chord, current_app, group
from celery.canvas import Signature
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from backfill import logs
from backfill.models import Batch, Run
from backfill.processors.registry import CHAIN, PROCESSORS

log = logging.getLogger(__name__)
TASKS = "backfill.execution.tasks"
# Celery raises RuntimeError when its result store cannot be reached.
UNREACHABLE = (OperationalError, RedisError, OSError, RuntimeError)


def canvas(batch: Batch) -> Signature | None:
    """Return chain(chord([TDZA, PSZA], PCF), PDC, ML) without the steps that have nothing left to
    run.
    """
    runs = Run.objects.filter(job_id=batch.job_id, batch=batch.number, status__in=Run.ACTIVE)
    left = set(runs.values_list("processor", flat=True))
    steps = {code: _step(batch, code) for code in CHAIN if code in left}
    first = [steps.pop(code) for code in CHAIN if code in steps and not PROCESSORS[code].after]
    rest = list(steps.values())
    if len(first) > 1:
        return chain(chord(first, rest[0]), *rest[1:]) if rest else group(first)
    return chain(*first, *rest) if first or rest else None


def _step(batch: Batch, code: str) -> Signature:
    return current_app.signature(f"{TASKS}.step", (batch.pk, batch.lease, code), immutable=True)


def enqueue(batch: Batch) -> None:
    """Send a batch to the workers. Without Redis it waits: the sweep sends it when Redis answers
    again.
    """
    try:
        if signature := canvas(batch):
            _check_redis()
            signature.apply_async()
    except UNREACHABLE as error:
        with logs.about(job=batch.job_id, batch=batch.number):
            log.warning("%s cannot be sent: Redis does not answer (%s)", batch, error)
        mine = Batch.objects.filter(pk=batch.pk, lease=batch.lease)
        mine.update(status=Batch.Status.WAITING, lease="", reason="Redis does not answer")


def _check_redis() -> None:
    """Raise at once when Redis does not answer; Celery would try for seconds."""
    current_app.backend.client.ping()  # type: ignore[attr-defined]


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
    """Have a worker sweep for a worker that has just started."""
    current_app.send_task(f"{TASKS}.sweep", (started.isoformat(),))


def enqueue_audit_season(year: int) -> bool:
    """Have a worker audit a season; False when Redis does not answer."""
    try:
        _check_redis()
        current_app.send_task(f"{TASKS}.judge_season", (year,))
    except UNREACHABLE as error:
        log.warning("season %s is audited in this process: Redis does not answer (%s)", year, error)
        return False
    return True


def _send(task: str, subject: str) -> None:
    try:
        _check_redis()
        current_app.send_task(f"{TASKS}.{task}")
    except UNREACHABLE as error:
        log.warning("%s waits for the sweep: Redis does not answer (%s)", subject, error)
