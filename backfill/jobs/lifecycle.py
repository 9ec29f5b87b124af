"""Pause, resume and cancel jobs, and change concurrency limits; each in one transaction."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from backfill.errors import Conflict, Refused, WarehouseError
from backfill.execution import dispatch
from backfill.execution.overwritten import mark_overwritten_by
from backfill.execution.unplanned import cancel_unplanned
from backfill.jobs.resumption import completed_since
from backfill.models import (
    SYSTEM,
    Batch,
    Event,
    EventCause,
    EventKind,
    Job,
    Limits,
    Run,
    SkipReason,
)
from backfill.plan.options import MAX_PARALLEL
from backfill.plan.planning import ALREADY_COMPLETE
from backfill.season_calendar import load_calendar
from backfill.warehouse.port import StoppedJobs
from validation.findings.kinds import pluralize

Status = Job.Status
STOPPING = {Status.PAUSING: "is pausing", Status.CANCELLING: "is being cancelled"}


@dataclass(frozen=True, kw_only=True)
class Cancelled:
    """Runs of a cancelled job: never started, left to finish, and force cancelled.

    Of the warehouse jobs of the last, the names of those stopped and of those still running, and
    the error that prevented it.
    """

    dropped: int
    finishing: int
    stopped: int = 0
    warehouse_jobs: tuple[str, ...] = ()
    warehouse_jobs_running: tuple[str, ...] = ()
    warehouse_error: str = ""

    @property
    def warehouse_text(self) -> str:
        """Effect on the warehouse jobs, as the end of a sentence; empty without any."""
        if self.warehouse_error:
            return (
                f"; stopping its warehouse jobs failed, they may still run: {self.warehouse_error}"
            )
        parts = [
            f"; {pluralize(len(names), 'warehouse job')} {state}: {', '.join(names)}"
            for names, state in (
                (self.warehouse_jobs, "stopped"),
                (self.warehouse_jobs_running, "asked to stop, still running"),
            )
            if names
        ]
        return "".join(parts)


def pause_job(job: Job, actor: str, reason: str = "") -> Job:
    """Pause a job after its running steps. Raises Refused unless it is queued or running."""
    with transaction.atomic():
        locked = Job.locked(job.pk)
        if not locked.transition(
            Job.ACTIVE, Status.PAUSING, actor=actor, reason=reason, cause=EventCause.OPERATOR
        ):
            raise Refused(_cannot(locked, "paused", "pause queued or running jobs only"))
        dispatch.settle_job(locked, actor)
    return locked


def resume_due(at: datetime) -> int:
    """Resume the jobs that are paused for a quota which has been reset; return their number."""
    waiting = Job.objects.filter(
        status=Status.PAUSED, batches__status=Batch.Status.WAITING, batches__retry_at__lte=at
    )
    due = [job for job in waiting.distinct() if _pause_cause(job) == EventCause.QUOTA]
    for job in due:
        resume_job(job, SYSTEM, "the daily quota is reset", cause=EventCause.QUOTA)
    return len(due)


def _pause_cause(job: Job) -> str:
    pauses = job.events.filter(kind=EventKind.TRANSITION, to_state=Status.PAUSING, run=None)
    return pauses.order_by("pk").values_list("cause", flat=True).last() or ""


def resume_job(
    job: Job,
    actor: str,
    reason: str = "",
    *,
    brake: bool | None = None,
    cause: str = EventCause.OPERATOR,
) -> Job:
    """Resume a job on the workers; `brake` changes its pause on error.

    Raises Refused when nothing is left to run, Conflict when another job claimed its dates.
    """
    try:
        with transaction.atomic():
            Limits.hold()
            locked = Job.locked(job.pk)
            _resume(locked, brake, {"actor": actor, "reason": reason, "cause": cause})
            _cancel_unplanned(locked)
            transaction.on_commit(dispatch.dispatch)
    except IntegrityError as error:
        raise Conflict(
            f"another job claimed dates of job {job.pk}; wait for it or cancel it"
        ) from error
    return locked


def _resume(job: Job, brake: bool | None, by: dict[str, Any]) -> None:
    actor, reason = by["actor"], by["reason"]
    if brake not in (None, job.brake):
        action = "pause on error enabled" if brake else "pause on error disabled"
        Event.objects.create(
            job=job, kind=EventKind.PAUSE_ON_ERROR, actor=actor, action=action, reason=reason
        )
    set_brake: dict[str, Any] = {} if brake is None else {"brake": brake}
    fields: dict[str, Any] = {"finished_at": None, "owner": "", **set_brake}
    if job.transition((Status.PAUSING,), Status.RUNNING, **by, **set_brake):
        return
    if job.status == Status.CANCELLED:
        skipped = _skip_completed_runs(job, actor)
        _discontinue_warehouse_jobs(job)
        fresh: dict[str, object] = {"finished_at": None, "losses": 0}
        left = job.runs.all().transition((Run.Status.CANCELLED,), Run.Status.PENDING, **by, **fresh)
        numbers = job.runs.filter(status=Run.Status.PENDING).values("batch")
        job.batches.filter(number__in=numbers).update(status=Batch.Status.WAITING, retry_at=None)
        if not left:
            why = f": another job has completed {pluralize(skipped, 'run')}" if skipped else ""
            raise Refused(f"job {job.pk} has no runs left to resume{why}")
    if not job.transition((Status.PAUSED, Status.CANCELLED), Status.QUEUED, **by, **fields):
        raise Refused(_cannot(job, "resumed", "resume paused or cancelled jobs only"))
    job.batches.filter(status=Batch.Status.WAITING).update(retry_at=None)


def _cancel_unplanned(job: Job) -> None:
    """Cancel the runs that the current schedule no longer plans; end the job if none is left.

    Without a readable schedule each step decides.
    """
    with suppress(WarehouseError):
        live, calendar = not job.parsed_options.backfill_mode, load_calendar()
        if cancel_unplanned(job.runs.all(), calendar, live=live, actor=SYSTEM):
            dispatch.settle_job(job, SYSTEM)


def _discontinue_warehouse_jobs(job: Job) -> None:
    """Mark the warehouse jobs of cancelled runs as not reusable, because other jobs may have run
    since. The next claim retires them.
    """
    runs = list(job.runs.filter(status=Run.Status.CANCELLED).exclude(warehouse_jobs={}))
    for run in runs:
        run.warehouse_jobs["runs"] = 0
    Run.objects.bulk_update(runs, ["warehouse_jobs"])


def _skip_completed_runs(job: Job, actor: str) -> int:
    """Skip runs that another job completed since."""
    cancelled = completed_since(job, job.runs.filter(status=Run.Status.CANCELLED))
    kept = job.runs.filter(pk__in=[run.pk for run in cancelled])
    skip_reason = SkipReason.ALREADY_COMPLETE
    skipped = kept.transition(
        (Run.Status.CANCELLED,),
        Run.Status.SKIPPED,
        actor=actor,
        reason=ALREADY_COMPLETE,
        skip_reason=skip_reason,
    )
    kept.filter(skip_reason=skip_reason).update(reason=ALREADY_COMPLETE)
    return skipped


def cancel_job(job: Job, actor: str, reason: str = "", *, force: bool = False) -> Cancelled:
    """Cancel pending runs and let running ones finish; `force` cancels those too.

    An attempt that was force cancelled records nothing. Raises Refused when the job has ended.
    """
    reports: list[StoppedJobs | WarehouseError] = []
    with transaction.atomic():
        locked = Job.locked(job.pk)
        if locked.status in Job.ENDED or (locked.status == Status.CANCELLING and not force):
            ended = locked.status in Job.ENDED
            hint = "retry or start a new job" if ended else "force cancel stops its running runs"
            raise Refused(_cannot(locked, "cancelled", hint))
        by: dict[str, Any] = {"actor": actor, "reason": reason}
        by_person = {**by, "cause": EventCause.OPERATOR}
        if not locked.transition(
            (*Job.ACTIVE, Status.PAUSING, Status.PAUSED), Status.CANCELLING, **by_person
        ):
            Event.objects.create(
                job=locked, kind=EventKind.FORCE_CANCEL, action="force cancel", **by
            )
        ending = Run.ACTIVE if force else (Run.Status.PENDING,)
        mark_overwritten_by(
            locked.runs.filter(status__in=ending),
            actor=actor,
            reason=f"{locked} was cancelled after it began to write",
        )
        dropped = locked.runs.all().transition(
            (Run.Status.PENDING,), Run.Status.CANCELLED, **by_person
        )
        running = locked.runs.filter(status=Run.Status.RUNNING).count()
        if force:
            dispatch.cancel_orphans(
                locked.runs.filter(status=Run.Status.RUNNING).values_list(
                    "warehouse_jobs", flat=True
                ),
                reports.append,
            )
            locked.runs.all().transition(
                (Run.Status.RUNNING,), Run.Status.CANCELLED, **by_person, claim=""
            )
        dispatch.settle_job(locked, actor)
        transaction.on_commit(dispatch.dispatch)
    done = Cancelled(
        dropped=dropped, finishing=0 if force else running, stopped=running if force else 0
    )
    return _with_warehouse_jobs(done, *reports)


def _with_warehouse_jobs(done: Cancelled, *reports: StoppedJobs | WarehouseError) -> Cancelled:
    for report in reports:
        if isinstance(report, WarehouseError):
            return replace(done, warehouse_error=str(report))
        return replace(done, warehouse_jobs=report.stopped, warehouse_jobs_running=report.running)
    return done


def dropped_and_finishing(job: Job) -> Cancelled:
    """Count the runs that cancelling would cancel and let finish, for the confirmation."""
    runs = job.runs.all()
    return Cancelled(
        dropped=runs.filter(status=Run.Status.PENDING).count(),
        finishing=runs.filter(status=Run.Status.RUNNING).count(),
    )


def change_limit(batches: int, actor: str, reason: str = "", *, job: Job | None = None) -> None:
    """Set the concurrency limit of a job, or of all jobs.

    Batches above a lower limit finish. Raises Refused.
    """
    if not 1 <= batches <= MAX_PARALLEL:
        raise Refused(f"the concurrency limit must be 1 to {MAX_PARALLEL}, not {batches}")
    with transaction.atomic():
        if job is None:
            limits = Limits.current(locked=True)
            before, limits.max_parallel_override = limits.max_parallel_batches, batches
            limits.save()
        else:
            locked = Job.locked(job.pk)
            if locked.status in Job.ENDED:
                raise Refused(
                    _cannot(locked, "changed", "change the limit of unfinished jobs only")
                )
            before, locked.max_in_flight = locked.max_in_flight, batches
            locked.save(update_fields=["max_in_flight"])
        action = f"concurrency limit {before} → {batches}"
        Event.objects.create(
            job=job, kind=EventKind.CONCURRENCY_LIMIT, actor=actor, action=action, reason=reason
        )
        transaction.on_commit(dispatch.dispatch)


def _cannot(job: Job, done: str, hint: str) -> str:
    state = STOPPING.get(
        Status(job.status),
        f"is {job.status}" if job.status not in Job.ENDED else f"has ended ({job.status})",
    )
    return f"job {job.pk} {state} and cannot be {done}; {hint}"
