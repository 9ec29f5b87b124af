"""Finding lost work: runs whose worker died, batches that Redis lost, jobs whose last step never
came.

It reads rows and asks processes whether they live; what it finds it puts back, with an Event.
Sweeping twice, or in two
places at once, does no harm.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils.timezone import now

from backfill import logs
from backfill.audit.marking import audit_due
from backfill.execution import dispatch
from backfill.jobs.launches import start_due
from backfill.models import Batch, Event, EventCause, EventKind, Job, Notice, Run, Sweep, Worker
from backfill.notify import messages, pubsub
from backfill.warehouse import warehouse

log = logging.getLogger(__name__)
WHO = "sweep"


@dataclass(frozen=True)
class _Scene:
    """What is known of the workers at one moment. `since` is set when all of them have only just
    started.
    """

    at: datetime
    workers: dict[str, Worker]
    since: datetime | None

    @property
    def is_anybody_idle(self) -> bool:
        """Whether a batch that is under way would have been taken by now."""
        return any(
            w.kind == Worker.Kind.WORKER and not w.claims and w.is_alive(self.at)
            for w in self.workers.values()
        )

    def why_lost(self, run: Run) -> str:
        """Why nobody runs a running run; empty when its worker is at it."""
        if Worker.has_ended(run.worker, self.at):
            return f"its worker died ({run.worker})"
        worker = self.workers.get(run.worker)
        if worker and not worker.is_alive(self.at):
            return f"its worker is silent since {worker.seen_at:%H:%M:%S} ({run.worker})"
        if (
            worker
            and run.started_at
            and worker.seen_at > run.started_at
            and run.claim not in worker.claims
        ):
            return f"its worker has given it up ({run.worker})"
        return ""

    def is_lost(self, batch: Batch) -> bool:
        """Whether a batch in flight that nobody runs is no longer on its way either."""
        if self.since and batch.touched_at and batch.touched_at < self.since:
            return True
        patience = timedelta(seconds=settings.BATCH_LOST_AFTER_SECONDS)
        return (
            self.is_anybody_idle
            and batch.touched_at is not None
            and batch.touched_at < self.at - patience
        )


def sweep_lost_work(started: datetime | None = None) -> int:
    """Put back what is lost; return how many runs and batches that were.

    `started` is when the worker that asks began: if no older one lives, nothing sent before that is
    under way.
    """
    at, began = now(), time.perf_counter()
    workers = {w.name: w for w in Worker.objects.all()}
    older = started is not None and any(
        w.started_at < started and w.is_alive(at) for w in workers.values()
    )
    scene = _Scene(at, workers, None if older else started)
    found = 0
    for job in Job.objects.exclude(status__in=(*Job.ENDED, Job.Status.PAUSED)).order_by("pk"):
        with logs.about(job=job.pk):
            try:
                found += _sweep_job(job.pk, scene)
            except Exception:  # one job that cannot be swept must not keep the others from it
                log.exception("%s could not be swept", job)
    gone = [w.pk for w in workers.values() if not w.is_alive(at)]
    Worker.objects.filter(pk__in=gone, seen_at__lte=at).delete()
    warehouse().sweep()
    dispatch.dispatch()
    Sweep.objects.update_or_create(
        pk=1, defaults={"at": at, "seconds": time.perf_counter() - began}
    )
    _last(lambda: start_due(at), "what was kept to be launched could not be")
    _last(lambda: pubsub.deliver(now()), "the outbox could not be delivered")
    _last(audit_due, "what has ended could not be judged")
    _last(lambda: messages.notify(now()), "nobody could be told")
    return found


def _last(do: Callable[[], object], complaint: str) -> None:
    """Last and apart: neither Pub/Sub nor a judgement may keep anybody from finding lost work."""
    try:
        do()
    except Exception:
        log.exception(complaint)


def _sweep_job(pk: int, scene: _Scene) -> int:
    with transaction.atomic():
        job = Job.locked(pk)
        if job.owner:
            return _sweep_inline(job, scene)
        found = _put_back_lost_runs(job, scene) + _send_lost_batches_again(job, scene)
        if job.status not in Job.ENDED:
            dispatch.settle_job(job, WHO)
    return found


def _sweep_inline(job: Job, scene: _Scene) -> int:
    """An inline job whose process died waits, paused, for whoever goes on with it."""
    if not Worker.has_ended(job.owner, scene.at):
        return 0
    found = dispatch.requeue_lost(job, job.runs.all(), actor=WHO, reason="its process ended")
    reason, cause = (
        "its process ended; resume it, or give the same command again",
        EventCause.PROCESS_ENDED,
    )
    if job.transition(Job.ACTIVE, Job.Status.PAUSING, actor=WHO, reason=reason, cause=cause):
        Notice.note(job, Notice.Kind.PAUSED)
    dispatch.settle_job(job, WHO)
    return found


def _put_back_lost_runs(job: Job, scene: _Scene) -> int:
    found = 0
    running = job.runs.filter(status=Run.Status.RUNNING)
    for run in {r.claim: r for r in running}.values():
        if reason := scene.why_lost(run):
            found += dispatch.requeue_lost(
                job, running.filter(claim=run.claim), actor=WHO, reason=reason
            )
            _send_again(job, Batch.objects.get(job=job, number=run.batch), reason)
    return found


def _send_lost_batches_again(job: Job, scene: _Scene) -> int:
    found = 0
    for batch in job.batches.filter(status=Batch.Status.IN_FLIGHT):
        statuses = set(job.runs.filter(batch=batch.number).values_list("status", flat=True))
        if not statuses & set(Run.ACTIVE):
            batch.end()
            found += 1
        elif Run.Status.RUNNING not in statuses and scene.is_lost(batch):
            _send_again(
                job, batch, "it was on its way and nobody has it: Redis or a worker lost it"
            )
            found += 1
    return found


def _send_again(job: Job, batch: Batch, reason: str) -> None:
    """Let the batch be sent under a new lease; tasks with the old one do nothing."""
    if batch.status == Batch.Status.IN_FLIGHT:
        batch.give_back()
        log.info("batch %s is sent again: %s", batch.number, reason)
        action = f"batch {batch.number} is sent again"
        Event.objects.create(
            job=job, kind=EventKind.REQUEUE, actor=WHO, action=action, reason=reason
        )
