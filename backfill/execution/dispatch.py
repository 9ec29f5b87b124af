"""Dispatch of batches up to the concurrency limits, and state changes of batches and jobs.

Every decision reads the rows, so a lost, late or duplicate task changes nothing. Locks are taken
in one order: limits, job, batch, runs.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils.timezone import now

from backfill.backoff import LONGEST_WAIT_SECONDS
from backfill.errors import WarehouseError
from backfill.execution import queue
from backfill.execution.overwritten import mark_overwritten_by
from backfill.models import SYSTEM, Batch, EventCause, Job, Limits, Notice, Run, RunQuerySet
from backfill.telemetry import lineage
from backfill.telemetry.log_lines import note
from backfill.warehouse import warehouse
from backfill.warehouse.port import StoppedJobs
from validation.findings.kinds import pluralize

log = logging.getLogger(__name__)
MOST_LOSSES = 5


def dispatch() -> None:
    """Send waiting batches to the workers, up to the concurrency limits, after the commit."""
    jobs, at = Job.objects.filter(status__in=Job.ACTIVE, owner=""), now()
    # Check before locking, because most calls have nothing to send.
    if not _due(Batch.objects.filter(job__in=jobs), at).exists():
        return
    with transaction.atomic():
        for batch in _sent(jobs, at):
            transaction.on_commit(partial(queue.enqueue, batch))


def take_batch(job: Job) -> Batch | None:
    """Put the next batch of one job in flight for this process.

    Return None without a due batch or at a concurrency limit.
    """
    with transaction.atomic():
        return next(
            iter(_sent(Job.objects.filter(pk=job.pk, status__in=Job.ACTIVE), now(), most=1)), None
        )


def _sent(jobs: QuerySet[Job], at: datetime, most: int | None = None) -> list[Batch]:
    """Put batches in flight, live jobs first, then the job with the fewest batches in flight."""
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
    """Yield the job's due batches in order; only the canary until it ends."""
    batches = job.batches.order_by("number")
    if (
        job.parsed_options.canary
        and (canary := batches.first())
        and canary.status != Batch.Status.ENDED
    ):
        batches = batches.filter(pk=canary.pk)
    yield from _due(batches, at)[: job.max_in_flight]


def _due(batches: QuerySet[Batch], at: datetime) -> QuerySet[Batch]:
    # No delay of a job that runs is longer: the clock was set back since.
    longest = timedelta(seconds=LONGEST_WAIT_SECONDS)
    is_due = Q(retry_at=None) | Q(retry_at__lte=at) | Q(retry_at__gt=at + longest)
    return batches.filter(is_due, status=Batch.Status.WAITING)


def finish_step(batch: Batch, lease: str) -> None:
    """Update a batch and its job after a step, and send due batches."""
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
    """End, pause or cancel a job once its runs allow it; the caller locks its row."""
    if job.runs.filter(status=Run.Status.RUNNING).exists():
        return
    if job.status == Job.Status.CANCELLING:
        Batch.end_all(job)
        job.transition((job.status,), Job.Status.CANCELLED, actor=actor, finished_at=now())
        transaction.on_commit(partial(lineage.job_ended, job))
    elif job.status not in Job.ENDED and not job.runs.filter(status=Run.Status.PENDING).exists():
        _finish(job, actor)
    elif job.status == Job.Status.PAUSING:
        job.batches.filter(status=Batch.Status.IN_FLIGHT).update(
            status=Batch.Status.WAITING, lease=""
        )
        job.transition((job.status,), Job.Status.PAUSED, actor=actor)


def _finish(job: Job, actor: str) -> None:
    """End a job whose runs have ended, as failed if any run failed or was blocked."""
    counts = [
        (job.runs.filter(status=status).count(), status)
        for status in (Run.Status.FAILED, Run.Status.BLOCKED)
    ]
    failed = any(n for n, _ in counts)
    status = Job.Status.FAILED if failed else Job.Status.SUCCEEDED
    reason = ", ".join(pluralize(n, f"{status} run") for n, status in counts if n)
    Batch.end_all(job)
    cause = EventCause.RUNS_FAILED if failed else ""
    job.transition(
        (job.status,), status, actor=actor, reason=reason, cause=cause, finished_at=now()
    )
    transaction.on_commit(partial(lineage.job_ended, job))
    Notice.note(job, Notice.Kind.DONE)
    if not job.owner:
        transaction.on_commit(queue.enqueue_audit)


def requeue(job: Job, runs: RunQuerySet, *, actor: str, reason: str, cause: str) -> int:
    """Return running runs to pending, or cancel them while their job is cancelling.

    The caller locks the job's row.
    """
    to = Run.Status.CANCELLED if job.status == Job.Status.CANCELLING else Run.Status.PENDING
    note(f"requeued: {reason}", level="WARNING")
    if to == Run.Status.CANCELLED:
        mark_overwritten_by(
            runs.filter(status=Run.Status.RUNNING),
            actor=actor,
            reason=f"{job} was cancelled after it began to write",
        )
        cancel_orphans(
            runs.filter(status=Run.Status.RUNNING).values_list("warehouse_jobs", flat=True)
        )
    return runs.transition(
        (Run.Status.RUNNING,), to, actor=actor, reason=reason, cause=cause, claim="", worker=""
    )


def requeue_lost(job: Job, runs: RunQuerySet, *, actor: str, reason: str) -> int:
    """Requeue runs of a dead attempt; a run that lost MOST_LOSSES attempts fails.

    Otherwise a run that crashes its worker would do so forever.
    """
    lost = runs.filter(status=Run.Status.RUNNING)
    doomed = list(lost.filter(losses__gte=MOST_LOSSES - 1).values_list("pk", flat=True))
    lost.update(losses=F("losses") + 1)
    text = (
        f"{reason}, for the {MOST_LOSSES}th time; "
        "check the worker log for too little memory or a crashing step"
    )
    fields = {"claim": "", "worker": "", "error": "WorkerLost", "finished_at": now()}
    cause = EventCause.WORKER_LOST
    failed = Run.objects.filter(pk__in=doomed)
    cancel_orphans(failed.values_list("warehouse_jobs", flat=True))
    count = failed.transition(
        (Run.Status.RUNNING,), Run.Status.FAILED, actor=actor, reason=text, cause=cause, **fields
    )
    failed.update(reason=text)
    return count + requeue(job, lost, actor=actor, reason=reason, cause=cause)


def cancel_orphans(
    kept: Iterable[dict[str, Any]],
    report: Callable[[StoppedJobs | WarehouseError], None] = log.info,
) -> None:
    """Cancel the warehouse jobs of some runs after the commit, then report what was stopped, or the
    error. Requires a transaction.
    """
    if names := {name for jobs in kept for name in jobs.get("names", ())}:
        transaction.on_commit(partial(_stop, names, report))


def _stop(names: Collection[str], report: Callable[[StoppedJobs | WarehouseError], None]) -> None:
    """Cancel warehouse jobs, best effort: a surviving one is superseded before it is recorded."""
    try:
        report(warehouse().cancel(names))
    except WarehouseError as error:
        log.exception("cancelling orphaned warehouse jobs failed: %s", ", ".join(sorted(names)))
        report(error)
