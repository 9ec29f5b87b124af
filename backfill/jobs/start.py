"""Preview and start of jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.timezone import now

from backfill import logs
from backfill.errors import Conflict, PlanChanged, Refused
from backfill.execution import dispatch, history
from backfill.execution.overwritten import mark_overwritten_by
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
from backfill.plan import estimate, preflight, rerun_policy, signed_plan
from backfill.plan.known_bugs import with_known_bugs
from backfill.plan.options import Options
from backfill.plan.planning import Plan, PlannedAction
from backfill.process_id import this_process
from backfill.processors.render import sql_hash
from backfill.season_calendar import check_loaded, load_calendar, seasons_of
from backfill.telemetry import lineage, tracing
from backfill.version import code_version
from backfill.warehouse import writable_warehouse
from backfill.warehouse.season_cache import of_one_version
from validation.preflight import nothing_to_run
from validation.preflight_report import Item, PreflightKind, Report, first_three

OVERRIDE = "or override with --skip-preflight --reason TEXT"
OnCreated = Callable[[Job], object]
Confirm = Callable[["Preview"], object]


def ignore_created(job: Job) -> None:
    """Do nothing with a created job."""


def confirmed(preview: Preview) -> None:
    """Start without a confirmation, for callers that have it already."""


@dataclass(frozen=True, kw_only=True)
class Preview:
    """Plan and preflight of a start. `goes_on` is the orphaned job that a start would resume."""

    plan: Plan
    report: Report
    goes_on: Job | None = None

    @property
    def would_start(self) -> bool:
        """True if the preflight blocks nothing, or its options override it."""
        return not self.report.stops(skip=self.plan.options.skip_preflight)

    @property
    def overwrites(self) -> int:
        """Number of complete (processor, date) to overwrite."""
        return self.plan.overwrites

    @property
    def to_confirm(self) -> int:
        """Number of complete runs to confirm; a resumed job was confirmed at its start."""
        return 0 if self.goes_on else self.plan.overwrites


def preview_job(options: Options) -> Preview:
    """Return the plan and the preflight of these options. Raises Refused without game dates."""
    return of_one_version(seasons_of(options), lambda: _preview(options))


def _preview(options: Options) -> Preview:
    check_loaded(options)
    calendar = load_calendar()
    days = rerun_policy.days_of(options, calendar)
    if not any(d.is_processing for d in days):
        raise Refused(nothing_to_run(options.days).sentence)
    planned = rerun_policy.planned(options, days)
    if goes_on := next((job for job in preflight.orphaned_jobs() if _is_same(job, options)), None):
        return Preview(plan=planned, report=preflight.report(planned, calendar), goes_on=goes_on)
    held = preflight.conflict_message(planned)
    report = with_known_bugs(preflight.report(planned, calendar, held=held), planned)
    return Preview(plan=planned, report=report)


def start_job(
    options: Options,
    actor: str,
    *,
    triggered_by: str = "backfill",
    inline: bool = False,
    previewed: str = "",
    computed: Preview | None = None,
    on_created: OnCreated = ignore_created,
    confirm: Confirm = confirmed,
) -> Job | None:
    """Create a job for the workers, or inline for this process; None if all dates are complete.

    An orphaned job with the same options is resumed instead. `confirm` receives the plan and its
    preflight before it starts and can refuse it, `on_created` runs in the transaction that creates
    the job and can roll it back. `previewed` is the signed plan of the preview, `computed` a
    preview of these options from the same request.

    Raises PlanChanged when the plan differs from the preview, Refused when the preflight blocks or
    the warehouse is read-only, Conflict when another job holds one of the dates.
    """
    writable_warehouse()
    history.repair(options)
    owner = this_process() if inline else ""
    # Reclaiming orphaned jobs releases dates and so changes the plan.
    is_current = computed is not None and not preflight.orphaned_jobs()
    if same := reclaim_orphaned_jobs(options):
        return _take_over(same, actor, owner, on_created)
    preview = computed if computed is not None and is_current else preview_job(options)
    if previewed and (changes := signed_plan.changes_text(previewed, preview.plan)):
        raise PlanChanged(changes)
    if not preview.plan.todo:
        return None
    check_ready(preview, OVERRIDE)
    confirm(preview)
    return create(
        preview.plan,
        actor,
        triggered_by=triggered_by,
        owner=owner,
        overridden=preview.report.overridable,
        on_created=on_created,
    )


def check_ready(preview: Preview, otherwise: str) -> None:
    """Raise Refused when the preflight blocks; the database detects conflicts with other jobs."""
    if stops := [
        item
        for item in preview.report.stops(skip=preview.plan.options.skip_preflight)
        if item.kind is not PreflightKind.HELD
    ]:
        how = f"run `{preflight.command(preview.plan.options)}` for advice"
        raise Refused(f"the preflight blocks: {first_three(stops)}; {how}, {otherwise}")


def create(
    planned: Plan,
    actor: str,
    *,
    triggered_by: str = "backfill",
    owner: str = "",
    overridden: Sequence[Item] = (),
    on_created: OnCreated = ignore_created,
    **fields: object,
) -> Job:
    """Create a job with its batches and runs in one transaction. Raises Conflict."""
    options, expected = planned.options, estimate.stored(planned)
    try:
        with transaction.atomic():
            limits = Limits.hold()
            job = Job.objects.create(
                options=options.as_json(),
                actor=actor,
                request_id=logs.current("request"),
                triggered_by=triggered_by,
                owner=owner,
                traceparent=tracing.start_trace("start job"),
                batch_size=planned.batch_size,
                code_version=code_version(),
                sql_hashes={code: sql_hash(code) for code in options.processors},
                max_in_flight=options.parallel or limits.max_parallel_batches,
                estimate=expected,
                **{"reason": options.reason, "brake": options.brake, **fields},
            )
            _record_created(job, overridden)
            Run.objects.insert(_runs(job, planned))
            Batch.objects.bulk_create(_batches(job, planned))
            on_created(job)
            if not owner:
                transaction.on_commit(dispatch.dispatch)
    except IntegrityError as error:
        raise Conflict(preflight.conflict_text(planned)) from error
    return job


def _record_created(job: Job, overridden: Sequence[Item]) -> None:
    by = {"job": job, "actor": job.actor}
    Event.objects.create(
        **by, kind=EventKind.CREATED, to_state=job.status, action="queued", reason=job.reason
    )
    if overridden:
        reason = f"{job.reason} (overridden: {first_three(overridden)})"
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
        and not job.restores
        and job.parsed_options == options
        and job.runs.filter(status__in=Run.ACTIVE).exists()
    )


def reclaim_orphaned_jobs(options: Options) -> Job | None:
    """Return the orphaned inline job with these options, and cancel overlapping orphaned jobs.

    A retry never matches, because it runs less than its stored options.
    """
    same = None
    for job in preflight.orphaned_jobs():
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
    days = set(options.days)
    return any(
        day in days and options.selects(code, day)
        for code, day in held.values_list("processor", "date")
    )


def _abandon(job: Job) -> None:
    reason = "process ended; another backfill claimed its dates"
    with transaction.atomic():
        _seize(job, this_process())
        by: dict[str, Any] = {
            "actor": SYSTEM,
            "reason": reason,
            "cause": EventCause.PROCESS_ENDED,
        }
        mark_overwritten_by(job.runs.all(), actor=SYSTEM, reason=f"{job}: {reason}")
        job.runs.all().transition(Run.ACTIVE, Run.Status.CANCELLED, **by, claim="", worker="")
        Batch.end_all(job)
        job.transition((job.status,), Job.Status.CANCELLED, **by, finished_at=now())
        transaction.on_commit(partial(lineage.job_ended, job))


def _take_over(job: Job, actor: str, owner: str, on_created: OnCreated = ignore_created) -> Job:
    """Requeue the claimed runs of a dead process, and resume the job inline or on the workers."""
    with transaction.atomic():
        _seize(job, owner)
        dispatch.requeue(
            job,
            job.runs.all(),
            actor=SYSTEM,
            reason="process ended",
            cause=EventCause.PROCESS_ENDED,
        )
        job.batches.filter(status=Batch.Status.IN_FLIGHT).update(
            status=Batch.Status.WAITING, lease=""
        )
        job.transition(
            (job.status,), Job.Status.QUEUED, actor=actor, reason="resumed after its process ended"
        )
        on_created(job)
        if not owner:
            transaction.on_commit(dispatch.dispatch)
    return job


def _seize(job: Job, owner: str) -> None:
    """Take ownership of an orphaned job. Raises Conflict when another process was faster."""
    if not Job.objects.filter(pk=job.pk, owner=job.owner, status=job.status).update(owner=owner):
        raise Conflict(f"another process just resumed job {job.pk}; reload to see its state")
