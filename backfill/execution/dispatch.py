"""How a job's batches flow: sent as far as the caps allow, settled when a step has ended, until the
job has.

Nothing is remembered between two calls: every decision is read from the rows, so that a doorbell
that is lost, late
or rung twice changes nothing. Locks are taken in one order: limits, job, batch, runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from functools import partial

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils.timezone import now

from backfill.execution import queue
from backfill.execution.orphans import cancel_orphans
from backfill.models import Batch, EventCause, Job, Limits, Notice, Run, RunQuerySet

SYSTEM = "backcourt"
MOST_LOSSES = 5


def dispatch() -> None:
    """Send waiting batches to the workers as far as the caps allow; they are rung when that is
    committed.
    """
    jobs, at = Job.objects.filter(status__in=Job.ACTIVE, owner=""), now()
    # Asked before the lock is taken: most calls find nothing to send and shall not queue behind
    # those that do.
    if not _due(Batch.objects.filter(job__in=jobs), at).exists():
        return
    with transaction.atomic():
        for batch in _sent(jobs, at):
            transaction.on_commit(partial(queue.enqueue, batch))


def take_batch(job: Job) -> Batch | None:
    """Put the next batch of one job in flight for this process; None when none is due or a cap is
    reached.
    """
    with transaction.atomic():
        return next(
            iter(_sent(Job.objects.filter(pk=job.pk, status__in=Job.ACTIVE), now(), most=1)), None
        )


def _sent(jobs: QuerySet[Job], at: datetime, most: int | None = None) -> list[Batch]:
    """Put batches in flight, the next one always from the job that has the fewest there, live jobs
    first.
    """
    free = Limits.current(locked=True).max_parallel_batches
    in_flight = Counter(
        Batch.objects.filter(status=Batch.Status.IN_FLIGHT).values_list("job_id", flat=True)
    )
    free = min(free - in_flight.total(), most or free)
    waiting = (
        {job: _waiting(job, at) for job in jobs.select_for_update().order_by("pk")}
        if free > 0
        else {}
    )
    sent: list[Batch] = []
    while waiting and len(sent) < free:
        job = min(waiting, key=lambda j: (j.parsed_options.backfill_mode, in_flight[j.pk], j.pk))
        batch = next(waiting[job], None) if in_flight[job.pk] < job.max_in_flight else None
        if batch is None:
            del waiting[job]
            continue
        batch.send(at)
        in_flight[job.pk] += 1
        sent.append(batch)
    return sent


def _waiting(job: Job, at: datetime) -> Iterator[Batch]:
    """The job's batches that may be sent, in order; the canary alone until it has ended."""
    batches = job.batches.order_by("number")
    if (
        job.parsed_options.canary
        and (canary := batches.first())
        and canary.status != Batch.Status.ENDED
    ):
        batches = batches.filter(pk=canary.pk)
    yield from _due(batches, at)[: job.max_in_flight]


def _due(batches: QuerySet[Batch], at: datetime) -> QuerySet[Batch]:
    return batches.filter(Q(retry_at=None) | Q(retry_at__lte=at), status=Batch.Status.WAITING)


def finish_step(batch: Batch, lease: str) -> None:
    """Record where a batch and its job stand after a step, and send what may now be sent."""
    with transaction.atomic():
        job = Job.locked(batch.job_id)
        if mine := Batch.objects.filter(
            pk=batch.pk, lease=lease, status=Batch.Status.IN_FLIGHT
        ).first():
            _settle_batch(mine, job)
        settle_job(job)
    if not job.owner:
        dispatch()


def _settle_batch(batch: Batch, job: Job) -> None:
    statuses = set(
        Run.objects.filter(job=job, batch=batch.number).values_list("status", flat=True).distinct()
    )
    if Run.Status.RUNNING in statuses:
        return
    if Run.Status.PENDING not in statuses:
        batch.end()
    elif job.status not in Job.ACTIVE:
        batch.give_back()


def settle_job(job: Job, actor: str = SYSTEM) -> None:
    """Let a job that was asked to stop have stopped, and one whose runs have all ended end; the
    caller holds its row.
    """
    if job.runs.filter(status=Run.Status.RUNNING).exists():
        return
    if job.status == Job.Status.CANCELLING:
        job.batches.exclude(status=Batch.Status.ENDED).update(status=Batch.Status.ENDED, lease="")
        job.transition((job.status,), Job.Status.CANCELLED, actor=actor, finished_at=now())
    elif job.status not in Job.ENDED and not job.runs.filter(status=Run.Status.PENDING).exists():
        _finish(job, actor)
    elif job.status == Job.Status.PAUSING:
        job.batches.filter(status=Batch.Status.IN_FLIGHT).update(
            status=Batch.Status.WAITING, lease=""
        )
        job.transition((job.status,), Job.Status.PAUSED, actor=actor)


def _finish(job: Job, actor: str) -> None:
    """End a job whose runs have all ended: failed when one failed or was blocked."""
    failed = job.runs.filter(status__in=(Run.Status.FAILED, Run.Status.BLOCKED)).count()
    status = Job.Status.FAILED if failed else Job.Status.SUCCEEDED
    reason = f"{failed} runs failed or were blocked" if failed else ""
    job.batches.exclude(status=Batch.Status.ENDED).update(status=Batch.Status.ENDED, lease="")
    cause = EventCause.RUNS_FAILED if failed else ""
    job.transition(
        (job.status,), status, actor=actor, reason=reason, cause=cause, finished_at=now()
    )
    Notice.note(job, Notice.Kind.DONE)
    if not job.owner:
        transaction.on_commit(queue.enqueue_audit)


def requeue(job: Job, runs: RunQuerySet, *, actor: str, reason: str, cause: str) -> int:
    """Make running runs pending again; while their job is being cancelled, cancelled. The caller
    holds the job's row.
    """
    to = Run.Status.CANCELLED if job.status == Job.Status.CANCELLING else Run.Status.PENDING
    if to == Run.Status.CANCELLED:
        cancel_orphans(
            runs.filter(status=Run.Status.RUNNING).values_list("warehouse_jobs", flat=True)
        )
    return runs.transition(
        (Run.Status.RUNNING,), to, actor=actor, reason=reason, cause=cause, claim="", worker=""
    )


def requeue_lost(job: Job, runs: RunQuerySet, *, actor: str, reason: str) -> int:
    """Put back runs whose attempt died; one that has cost MOST_LOSSES attempts fails, lest it kills
    workers for ever.
    """
    lost = runs.filter(status=Run.Status.RUNNING)
    doomed = list(lost.filter(losses__gte=MOST_LOSSES - 1).values_list("pk", flat=True))
    lost.update(losses=F("losses") + 1)
    text = f"{reason}, as {MOST_LOSSES - 1} times before: too little memory, or a step that crashes"
    fields = {"claim": "", "worker": "", "error": "WorkerLost", "finished_at": now()}
    cause = EventCause.WORKER_LOST
    failed = Run.objects.filter(pk__in=doomed)
    cancel_orphans(failed.values_list("warehouse_jobs", flat=True))
    count = failed.transition(
        (Run.Status.RUNNING,), Run.Status.FAILED, actor=actor, reason=text, cause=cause, **fields
    )
    failed.update(reason=text)
    return count + requeue(job, lost, actor=actor, reason=reason, cause=cause)
