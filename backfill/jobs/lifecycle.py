"""Pause, resume, cancel, change a cap: each in one transaction, from whatever state the job is in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction

from backfill.errors import Conflict, Refused
from backfill.execution import dispatch
from backfill.execution.orphans import cancel_orphans
from backfill.models import Batch, Event, EventCause, EventKind, Job, Limits, Run, SkipReason
from backfill.plan.options import MAX_PARALLEL
from backfill.plan.planning import ALREADY_COMPLETE

Status = Job.Status
STOPPING = {Status.PAUSING: "is pausing", Status.CANCELLING: "is being cancelled"}


@dataclass(frozen=True)
class Cancelled:
    """What cancelling does to a job's runs: never started, left to finish, and stopped in the
    middle by force.
    """

    dropped: int
    finishing: int
    stopped: int = 0


def pause_job(job: Job, actor: str, reason: str = "") -> Job:
    """Let the steps that run finish and start no other. Raises Refused when the job is not under
    way.
    """
    with transaction.atomic():
        locked = Job.locked(job.pk)
        if not locked.transition(
            Job.ACTIVE, Status.PAUSING, actor=actor, reason=reason, cause=EventCause.OPERATOR
        ):
            raise Refused(_cannot(locked, "paused", "only a queued or running job can be"))
        dispatch.settle_job(locked, actor)
    return locked


def resume_job(job: Job, actor: str, reason: str = "", *, brake: bool | None = None) -> Job:
    """Go on with what is left, by the workers; `brake` changes whether a bug pauses the job again.

    Raises Refused when nothing is left, Conflict when another job has taken some of the dates
    meanwhile.
    """
    try:
        with transaction.atomic():
            Limits.hold()
            locked = Job.locked(job.pk)
            _resume(locked, actor, reason, brake)
            transaction.on_commit(dispatch.dispatch)
    except IntegrityError as error:
        raise Conflict(
            f"another job has taken some of job {job.pk}'s dates meanwhile; wait for it or cancel it"
        ) from error
    return locked


def _resume(job: Job, actor: str, reason: str, brake: bool | None) -> None:
    if brake not in (None, job.brake):
        action = "brake put on" if brake else "brake released"
        Event.objects.create(
            job=job, kind=EventKind.PAUSE_ON_ERROR, actor=actor, action=action, reason=reason
        )
    set_brake: dict[str, Any] = {} if brake is None else {"brake": brake}
    fields: dict[str, Any] = {"finished_at": None, "owner": "", **set_brake}
    by: dict[str, Any] = {"actor": actor, "reason": reason, "cause": EventCause.OPERATOR}
    if job.transition((Status.PAUSING,), Status.RUNNING, **by, **set_brake):
        return
    if job.status == Status.CANCELLED:
        _keep_what_others_have_done(job, actor)
        # What another job has written since must not be taken for what this one had.
        fresh: dict[str, object] = {"finished_at": None, "losses": 0, "warehouse_jobs": {}}
        left = job.runs.all().transition((Run.Status.CANCELLED,), Run.Status.PENDING, **by, **fresh)
        numbers = job.runs.filter(status=Run.Status.PENDING).values("batch")
        job.batches.filter(number__in=numbers).update(status=Batch.Status.WAITING, retry_at=None)
        if not left:
            raise Refused(f"job {job.pk} was cancelled when nothing was left to run")
    if not job.transition((Status.PAUSED, Status.CANCELLED), Status.QUEUED, **by, **fields):
        raise Refused(_cannot(job, "resumed", "only a paused or cancelled job can be"))


def _keep_what_others_have_done(job: Job, actor: str) -> None:
    """What another job has completed since this one was cancelled does not run again, unless this
    one was to run all.
    """
    options = job.parsed_options
    if options.force or options.outdated or job.retry_of_id:
        return
    done = Run.objects.done(options.start, options.end)
    cancelled = job.runs.filter(status=Run.Status.CANCELLED)
    kept = job.runs.filter(pk__in=[r.pk for r in cancelled if (r.processor, r.date) in done])
    skip_reason = SkipReason.ALREADY_COMPLETE
    kept.transition(
        (Run.Status.CANCELLED,),
        Run.Status.SKIPPED,
        actor=actor,
        reason=ALREADY_COMPLETE,
        skip_reason=skip_reason,
    )
    kept.filter(skip_reason=skip_reason).update(reason=ALREADY_COMPLETE)


def cancel_job(job: Job, actor: str, reason: str = "", *, force: bool = False) -> Cancelled:
    """Drop what has not started and let finish what runs; with `force`, drop that too: its attempt
    records nothing.

    Raises Refused when the job has ended.
    """
    with transaction.atomic():
        locked = Job.locked(job.pk)
        if locked.status in Job.ENDED or (locked.status == Status.CANCELLING and not force):
            raise Refused(_cannot(locked, "cancelled", "--force stops the runs that it waits for"))
        by: dict[str, Any] = {"actor": actor, "reason": reason}
        by_person = {**by, "cause": EventCause.OPERATOR}
        if not locked.transition(
            (*Job.ACTIVE, Status.PAUSING, Status.PAUSED), Status.CANCELLING, **by_person
        ):
            Event.objects.create(
                job=locked, kind=EventKind.FORCE_CANCEL, action="cancelling by force", **by
            )
        dropped = locked.runs.all().transition(
            (Run.Status.PENDING,), Run.Status.CANCELLED, **by_person
        )
        running = locked.runs.filter(status=Run.Status.RUNNING).count()
        if force:
            cancel_orphans(
                locked.runs.filter(status=Run.Status.RUNNING).values_list(
                    "warehouse_jobs", flat=True
                )
            )
            locked.runs.all().transition(
                (Run.Status.RUNNING,), Run.Status.CANCELLED, **by_person, claim=""
            )
        dispatch.settle_job(locked, actor)
        transaction.on_commit(dispatch.dispatch)
    return Cancelled(dropped, 0 if force else running, running if force else 0)


def dropped_and_finishing(job: Job) -> Cancelled:
    """What cancelling now would do, to be shown before somebody confirms it."""
    runs = job.runs.all()
    return Cancelled(
        runs.filter(status=Run.Status.PENDING).count(),
        runs.filter(status=Run.Status.RUNNING).count(),
    )


def change_limit(batches: int, actor: str, reason: str = "", *, job: Job | None = None) -> None:
    """Let at most so many batches be in flight, of a job or in all. Those above it finish. Raises
    Refused.
    """
    if not 1 <= batches <= MAX_PARALLEL:
        raise Refused(f"1 to {MAX_PARALLEL} batches can be in flight, not {batches}")
    with transaction.atomic():
        if job is None:
            limits = Limits.current(locked=True)
            before, limits.max_parallel_override = limits.max_parallel_batches, batches
            limits.save()
        else:
            locked = Job.locked(job.pk)
            if locked.status in Job.ENDED:
                raise Refused(_cannot(locked, "changed", "it has no batch left to send"))
            before, locked.max_in_flight = locked.max_in_flight, batches
            locked.save(update_fields=["max_in_flight"])
        action = f"batches in flight {before} → {batches}"
        Event.objects.create(
            job=job, kind=EventKind.CONCURRENCY_LIMIT, actor=actor, action=action, reason=reason
        )
        transaction.on_commit(dispatch.dispatch)


def _cannot(job: Job, what: str, hint: str) -> str:
    state = STOPPING.get(
        Status(job.status),
        f"is {job.status}" if job.status not in Job.ENDED else f"has ended ({job.status})",
    )
    return f"job {job.pk} {state} and cannot be {what}; {hint}"
