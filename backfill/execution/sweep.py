"""Sweep: requeue runs of dead workers and lost batches, and settle jobs without a next step.

Every requeue records an Event. Concurrent sweeps are safe.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db import Error, connection, transaction
from django.utils.timezone import now

from backfill import logs, process_id
from backfill.audit.marking import audit_due
from backfill.execution import dispatch, queue
from backfill.execution.silence import silent_workers
from backfill.jobs.launches import start_due
from backfill.jobs.lifecycle import resume_due
from backfill.liveness import mark_alive
from backfill.models import Batch, Event, EventCause, EventKind, Job, Notice, Run, Sweep, Worker
from backfill.models.measure import Count, Measured
from backfill.notify import messages, pubsub
from backfill.warehouse import warehouse

log = logging.getLogger(__name__)
ACTOR = "sweep"
LIVENESS = "beat"  # of `manage.py health beat`


@dataclass(frozen=True, kw_only=True)
class _Workers:
    """Snapshot of the workers. Messages from before `since` are lost: Redis or all workers have
    started since.
    """

    at: datetime
    workers: dict[str, Worker]
    since: datetime | None
    silent: frozenset[str]

    @property
    def has_idle_worker(self) -> bool:
        """True if an idle worker could have taken every batch in flight."""
        return any(
            w.kind == Worker.Kind.WORKER and not w.claims and not self.is_dead(w.name)
            for w in self.workers.values()
        )

    def is_dead(self, name: str) -> bool:
        """Return True for an ended process on this host, and a silent or unknown one elsewhere."""
        if process_id.is_here(name):
            return process_id.is_gone(name)
        return name in self.silent or name not in self.workers

    def lost_reason(self, run: Run) -> str:
        """Describe why a running run is lost; empty while its worker holds it."""
        worker = self.workers.get(run.worker)
        if worker and worker.name in self.silent:
            return f"no heartbeat since {worker.seen_at:%H:%M:%S} UTC ({run.worker})"
        if self.is_dead(run.worker):
            return f"worker died ({run.worker})"
        if (
            worker
            and run.started_at
            and worker.seen_at > run.started_at
            and run.claim not in worker.claims
        ):
            return f"worker dropped its claim ({run.worker})"
        return ""

    def is_lost(self, batch: Batch) -> bool:
        """Return True if a batch in flight is on no worker and no longer in the queue."""
        if self.since and batch.touched_at and batch.touched_at < self.since:
            return True
        patience = timedelta(seconds=settings.BATCH_LOST_AFTER_SECONDS)
        return (
            self.has_idle_worker
            and batch.touched_at is not None
            and abs(self.at - batch.touched_at) > patience  # also after a clock was set back
        )


def watch() -> None:
    """Requeue lost work until the process ends.

    For beat: a sweep that is a task waits while all workers are busy, and none runs while all of
    them are stopped.
    """
    while True:
        try:
            requeue_lost_work()
            mark_alive(settings.VAR, LIVENESS)
        except Error as error:  # a locked or restarting database
            log.info("the search for lost work failed: %s", error)
        except Exception:
            log.exception("the search for lost work failed")
        finally:
            connection.close()
        time.sleep(settings.SWEEP_SECONDS)


def sweep_lost_work(started: datetime | None = None) -> int:
    """Requeue lost work, then start and deliver everything that is due; return the number of
    requeued runs and batches.
    """
    count = requeue_lost_work(started)
    warehouse().sweep()
    _follow_up(lambda: start_due(now()), "starting due launches failed")
    _follow_up(lambda: resume_due(now()), "resuming jobs after a quota reset failed")
    _follow_up(lambda: pubsub.deliver(now()), "delivering Phase 5 triggers failed")
    _follow_up(audit_due, "auditing finished jobs failed")
    _follow_up(lambda: messages.notify(now()), "sending notifications failed")
    return count


def requeue_lost_work(started: datetime | None = None) -> int:
    """Requeue lost runs and batches; return their number.

    `started` is the start time of the calling worker: without an older live worker, every earlier
    message is lost.
    """
    began = time.perf_counter()
    silent = silent_workers(now())
    at, workers = now(), {w.name: w for w in Worker.objects.all()}
    snapshot = _Workers(at=at, workers=workers, since=queue.redis_started_at(), silent=silent)
    alive = [w for w in workers.values() if not snapshot.is_dead(w.name)]
    if started and not any(w.started_at < started for w in alive):
        snapshot = replace(snapshot, since=started)
    count = 0
    for job in Job.objects.exclude(status__in=(*Job.ENDED, Job.Status.PAUSED)).order_by("pk"):
        with logs.about(job=job.pk):
            try:
                count += _sweep_job(job.pk, snapshot)
            except Exception:  # other jobs are still swept
                log.exception("%s: sweep failed", job)
    for worker in workers.values():
        if worker.name in silent or snapshot.is_dead(worker.name):
            Worker.objects.filter(pk=worker.pk, seen_at=worker.seen_at).delete()
    dispatch.dispatch()
    if count:
        measured = Measured()
        measured.count(Count.REQUEUES, by=count)
        measured.keep()
    Sweep.objects.update_or_create(
        pk=1, defaults={"at": at, "seconds": time.perf_counter() - began}
    )
    return count


def _follow_up(do: Callable[[], object], message: str) -> None:
    """Log any exception, so that a follow-up task cannot stop the sweep."""
    try:
        do()
    except Exception:
        log.exception(message)


def _sweep_job(pk: int, snapshot: _Workers) -> int:
    with transaction.atomic():
        job = Job.locked(pk)
        if job.owner:
            return _sweep_inline(job, snapshot)
        count = _requeue_lost_runs(job, snapshot) + _requeue_lost_batches(job, snapshot)
        if job.status not in Job.ENDED:
            dispatch.settle_job(job, ACTOR)
    return count


def _sweep_inline(job: Job, snapshot: _Workers) -> int:
    """Pause an inline job whose process ended."""
    if not Worker.has_ended(job.owner, snapshot.at):
        return 0
    count = dispatch.requeue_lost(job, job.runs.all(), actor=ACTOR, reason="process ended")
    reason, cause = (
        "process ended; resume the job, or run the same command again",
        EventCause.PROCESS_ENDED,
    )
    if job.transition(Job.ACTIVE, Job.Status.PAUSING, actor=ACTOR, reason=reason, cause=cause):
        Notice.note(job, Notice.Kind.PAUSED)
    dispatch.settle_job(job, ACTOR)
    return count


def _requeue_lost_runs(job: Job, snapshot: _Workers) -> int:
    count = 0
    running = job.runs.filter(status=Run.Status.RUNNING)
    for run in {r.claim: r for r in running}.values():
        if reason := snapshot.lost_reason(run):
            count += dispatch.requeue_lost(
                job, running.filter(claim=run.claim), actor=ACTOR, reason=reason
            )
            _requeue_batch(job, Batch.objects.get(job=job, number=run.batch), reason)
    return count


def _requeue_lost_batches(job: Job, snapshot: _Workers) -> int:
    count = 0
    for batch in job.batches.filter(status=Batch.Status.IN_FLIGHT):
        statuses = set(job.runs.filter(batch=batch.number).values_list("status", flat=True))
        if not statuses & set(Run.ACTIVE):
            batch.end()
            count += 1
        elif Run.Status.RUNNING not in statuses and snapshot.is_lost(batch):
            _requeue_batch(job, batch, "lost by Redis or a worker")
            count += 1
    return count


def _requeue_batch(job: Job, batch: Batch, reason: str) -> None:
    """Requeue the batch under a new lease; tasks with the old lease do nothing."""
    if batch.status == Batch.Status.IN_FLIGHT:
        batch.give_back()
        log.info("batch %s requeued: %s", batch.number, reason)
        action = f"batch {batch.number} requeued"
        Event.objects.create(
            job=job, kind=EventKind.REQUEUE, actor=ACTOR, action=action, reason=reason
        )
