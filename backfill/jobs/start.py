"""Preview and start."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.timezone import now

from backfill.errors import Conflict, PlanChanged, Refused
from backfill.execution import dispatch
from backfill.models import (
    Batch,
    Event,
    EventCause,
    EventKind,
    Job,
    Limits,
    Run,
    SkipReason,
)
from backfill.plan import conflicts, preflight, rerun_policy, signed_plan
from backfill.plan.options import Options
from backfill.plan.planning import Plan, PlannedAction
from backfill.process_id import this_process
from backfill.processors.render import sql_hash
from backfill.season_calendar import check_loaded, load_calendar
from backfill.version import code_version
from backfill.warehouse import writable_warehouse
from validation.preflight import nothing_to_run
from validation.preflight_report import Item, PreflightKind, Report, first_three

OVERRIDE = "or override with --skip-preflight --reason TEXT"
Tell = Callable[[Report], object]
Tie = Callable[[Job], object]


def keep_quiet(report: Report) -> None:
    """Tell nobody."""


def tie_nothing(job: Job) -> None:
    """Let nothing hang on a job."""


@dataclass(frozen=True)
class Preview:
    """What starting would do, and what speaks against it. `goes_on` is the job that it would go on
    with instead.
    """

    plan: Plan
    report: Report
    goes_on: Job | None = field(default=None, kw_only=True)

    @property
    def would_start(self) -> bool:
        """Whether nothing stops it, as far as its options do not override that."""
        return not self.report.stops(skip=self.plan.options.skip_preflight)

    @property
    def overwrites(self) -> int:
        """How many (processor, date) are complete and would be replaced."""
        return self.plan.overwrites


def preview_job(options: Options) -> Preview:
    """The plan and the preflight of these options. Raises Refused when there is nothing that could
    be run.
    """
    check_loaded(options)
    calendar = load_calendar()
    days = rerun_policy.days_of(options, calendar)
    if not any(d.is_processing for d in days):
        raise Refused(nothing_to_run(options.days).sentence)
    found = rerun_policy.planned(options, days)
    if goes_on := next((job for job in conflicts.orphaned_jobs() if _is_same(job, options)), None):
        return Preview(found, preflight.report(found, calendar), goes_on=goes_on)
    return Preview(found, preflight.report(found, calendar, held=conflicts.conflict_message(found)))


def start_job(
    options: Options,
    actor: str,
    *,
    triggered_by: str = "backfill",
    inline: bool = False,
    tell: Tell = keep_quiet,
    previewed: str = "",
    computed: Preview | None = None,
    tie: Tie = tie_nothing,
) -> Job | None:
    """Create the job of these options, for the workers or for this process; None when everything is
    complete already.

    `tell` hears what the preflight found. The same options as a job whose process died go on with
    that job. `previewed`
    is the sealed plan that somebody has seen; `tie` is called in the transaction that makes the
    job, which fails with it.
    `computed` is the preview of these options that the same request has computed already, so it is
    not computed again.
    Raises PlanChanged when another plan would be run now than was seen, Refused when the preflight
    blocks or the warehouse
    cannot be written, Conflict when another job holds one of the dates.
    """
    writable_warehouse()
    owner = this_process() if inline else ""
    # Dates that a dead job gives back may change the plan, so it is computed after that.
    is_current = computed is not None and not conflicts.orphaned_jobs()
    if same := reclaim_orphaned_jobs(options):
        return _take_over(same, actor, owner, tie)
    found = computed if computed is not None and is_current else preview_job(options)
    if previewed and (changes := signed_plan.changes_text(previewed, found.plan)):
        raise PlanChanged(changes)
    if not found.plan.todo:
        return None
    check_ready(found, OVERRIDE)
    tell(found.report)
    overridden = found.report.overridable
    return create(
        found.plan, actor, triggered_by=triggered_by, owner=owner, overridden=overridden, tie=tie
    )


def check_ready(found: Preview, otherwise: str) -> None:
    """Raise Refused when anything stops the start but a job that holds its dates, on which the
    database decides.
    """
    if stops := [
        item
        for item in found.report.stops(skip=found.plan.options.skip_preflight)
        if item.kind is not PreflightKind.HELD
    ]:
        how = f"`{preflight.command(found.plan.options)}` says what to do"
        raise Refused(f"the preflight blocks: {first_three(stops)}. {how}; {otherwise}")


def create(
    planned: Plan,
    actor: str,
    *,
    triggered_by: str = "backfill",
    owner: str = "",
    overridden: Sequence[Item] = (),
    tie: Tie = tie_nothing,
    **fields: object,
) -> Job:
    """Create the job of a plan, with its batches and runs or not at all. Raises Conflict."""
    options = planned.options
    try:
        with transaction.atomic():
            limits = Limits.hold()
            job = Job.objects.create(
                options=options.as_json(),
                actor=actor,
                triggered_by=triggered_by,
                owner=owner,
                batch_size=planned.batch_size,
                code_version=code_version(),
                sql_hashes={code: sql_hash(code) for code in options.processors},
                max_in_flight=options.parallel or limits.max_parallel_batches,
                **{"reason": options.reason, "brake": options.brake, **fields},
            )
            _record_created(job, overridden)
            Run.objects.insert(_runs(job, planned))
            Batch.objects.bulk_create(_batches(job, planned))
            tie(job)
            if not owner:
                transaction.on_commit(dispatch.dispatch)
    except IntegrityError as error:
        raise Conflict(conflicts.conflict_text(planned)) from error
    return job


def _record_created(job: Job, overridden: Sequence[Item]) -> None:
    by = {"job": job, "actor": job.actor}
    Event.objects.create(
        **by, kind=EventKind.CREATED, to_state=job.status, action="queued", reason=job.reason
    )
    if overridden:
        reason = f"{job.reason}: {len(overridden)} blocked: {first_three(overridden)}"
        Event.objects.create(
            **by, kind=EventKind.PREFLIGHT_OVERRIDE, action="preflight overridden", reason=reason
        )


def _batches(job: Job, planned: Plan) -> Iterator[Batch]:
    days: dict[int, list[date]] = {}
    for r in planned.todo:
        days.setdefault(r.batch, []).append(r.date)
    for number, dates in sorted(days.items()):
        yield Batch(job=job, number=number, first_date=min(dates), last_date=max(dates))


def _runs(job: Job, planned: Plan) -> Iterator[Run]:
    for r in planned.runs:
        if r.action in (PlannedAction.RUN, PlannedAction.SKIP):
            yield Run(job=job, processor=r.processor, date=r.date, batch=r.batch)
        elif r.action is PlannedAction.KEEP:
            skipped = {
                "status": Run.Status.SKIPPED,
                "skip_reason": SkipReason.ALREADY_COMPLETE,
                "reason": r.reason,
            }
            yield Run(job=job, processor=r.processor, date=r.date, batch=-1, **skipped)


def _is_same(job: Job, options: Options) -> bool:
    return (
        job.retry_of_id is None
        and job.parsed_options == options
        and job.runs.filter(status__in=Run.ACTIVE).exists()
    )


def reclaim_orphaned_jobs(options: Options) -> Job | None:
    """Settle the inline jobs whose process ended: return the one with these options, give the dates
    of the others back.

    A retry keeps the options of the job that it retries and runs less, so it is never the same.
    """
    same = None
    for job in conflicts.orphaned_jobs():
        if not job.runs.filter(status__in=Run.ACTIVE).exists():
            with transaction.atomic():
                dispatch.settle_job(Job.locked(job.pk))
        elif _is_same(job, options):
            same = job
        elif _overlaps(job, options):
            _abandon(job)
    return same


def _overlaps(job: Job, options: Options) -> bool:
    held = job.runs.filter(status__in=Run.ACTIVE, processor__in=options.processors)
    return not set(options.days).isdisjoint(held.values_list("date", flat=True))


def _abandon(job: Job) -> None:
    reason = "its process ended and another backfill takes these dates"
    with transaction.atomic():
        _seize(job, this_process())
        by: dict[str, Any] = {
            "actor": dispatch.SYSTEM,
            "reason": reason,
            "cause": EventCause.PROCESS_ENDED,
        }
        job.runs.all().transition(Run.ACTIVE, Run.Status.CANCELLED, **by, claim="", worker="")
        job.batches.exclude(status=Batch.Status.ENDED).update(status=Batch.Status.ENDED, lease="")
        job.transition((job.status,), Job.Status.CANCELLED, **by, finished_at=now())


def _take_over(job: Job, actor: str, owner: str, tie: Tie = tie_nothing) -> Job:
    """Put back what the dead process had claimed, and own the job, or give it to the workers."""
    with transaction.atomic():
        _seize(job, owner)
        dispatch.requeue(
            job,
            job.runs.all(),
            actor=dispatch.SYSTEM,
            reason="its process ended",
            cause=EventCause.PROCESS_ENDED,
        )
        job.batches.filter(status=Batch.Status.IN_FLIGHT).update(
            status=Batch.Status.WAITING, lease=""
        )
        job.transition(
            (job.status,), Job.Status.QUEUED, actor=actor, reason="goes on where its process ended"
        )
        tie(job)
        if not owner:
            transaction.on_commit(dispatch.dispatch)
    return job


def _seize(job: Job, owner: str) -> None:
    """Own a job whose process died. Raises Conflict when somebody else was faster."""
    if not Job.objects.filter(pk=job.pk, owner=job.owner, status=job.status).update(owner=owner):
        raise Conflict(f"job {job.pk} has just been taken over by another process; try again")
