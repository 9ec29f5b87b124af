"""Celery's part: doorbells. A task carries the ids of a batch and the lease under which it was sent, and remembers nothing."""

from __future__ import annotations

import logging
import os
import socket
from datetime import datetime

from celery import Task, chain, chord, group, shared_task
from celery.canvas import Signature
from django.utils.timezone import now
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from backfill import logs
from backfill.execution import sweep as sweeping  # noqa: F401 - its signal handlers are connected by the import
from backfill.execution.step import run_step
from backfill.models import Batch, Run
from backfill.notify import messages, pubsub
from backfill.processes import celery_worker
from backfill.processors.registry import CHAIN, PROCESSORS
from backfill.season_calendar import load_calendar

log = logging.getLogger(__name__)
# Celery itself raises RuntimeError when its result store cannot be reached.
UNREACHABLE = (OperationalError, RedisError, OSError, RuntimeError)


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
    from backfill.audit.marking import judge_due

    judge_due()
    messages.tell(now())


@shared_task(ignore_result=True)
def judge_season(year: int) -> None:
    """Judge one season because somebody has asked for it."""
    from backfill.audit import marking

    marking.judge_season(year)


@shared_task(ignore_result=True)
def tell() -> None:
    """Tell people what they have not been told yet."""
    messages.tell(now())


def canvas(batch: Batch) -> Signature | None:
    """chain(chord([TDZA, PSZA], PCF), PDC, ML), without the steps that have nothing left to run."""
    runs = Run.objects.filter(job_id=batch.job_id, batch=batch.number, status__in=Run.ACTIVE)
    left = set(runs.values_list("processor", flat=True))
    steps = {code: step.si(batch.pk, batch.lease, code) for code in CHAIN if code in left}
    first = [steps.pop(code) for code in CHAIN if code in steps and not PROCESSORS[code].after]
    rest = list(steps.values())
    if len(first) > 1:
        return chain(chord(first, rest[0]), *rest[1:]) if rest else group(first)
    return chain(*first, *rest) if first or rest else None


def ring(batch: Batch) -> None:
    """Send a batch to the workers. Without Redis it waits: the sweep sends it when Redis answers again."""
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
    step.backend.client.ping()  # type: ignore[attr-defined]


def ring_outbox() -> None:
    """Have a worker deliver. Without Redis the sweep does it, when Redis answers again."""
    _ring(deliver, "the outbox")


def ring_judge() -> None:
    """Have a worker judge, or the sweep."""
    _ring(judge, "what has ended")


def ring_judge_season(year: int) -> bool:
    """Have a worker judge a season; False when none can be told."""
    try:
        _check_redis()
        judge_season.delay(year)
    except UNREACHABLE as error:
        log.warning("season %s is judged here: Redis does not answer (%s)", year, error)
        return False
    return True


def ring_notices() -> None:
    """Have a worker tell people, or the sweep."""
    _ring(tell, "what people are to be told")


def _ring(task: Task[[], None], what: str) -> None:
    try:
        _check_redis()
        task.delay()
    except UNREACHABLE as error:
        log.warning("%s waits for the sweep: Redis does not answer (%s)", what, error)


# Names of the previous release: its messages may still be in Redis when the workers are upgraded.
for _task in (step, sweep, deliver, judge, judge_season, tell):
    shared_task(name=f"backfill.tasks.{_task.__name__}", acks_late=True)(_task.run)
