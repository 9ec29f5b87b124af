"""Every change to a job that a person can ask for: preview, start, finish."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils.timezone import now

from backfill import coverage
from backfill.errors import Conflict, Refused
from backfill.models import Event, Job, Run
from backfill.options import Options
from backfill.owners import is_gone, this_process
from backfill.planning import ALREADY_COMPLETE, Action, Plan, plan
from backfill.processors.statement import sql_hash
from backfill.version import code_version
from backfill.warehouse import writable_warehouse
from validation.preflight import Gap, gaps


@dataclass(frozen=True)
class Preview:
    """What starting would do, and what speaks against it."""

    plan: Plan
    gaps: tuple[Gap, ...]

    @property
    def blockers(self) -> tuple[Gap, ...]:
        """The gaps that stop a start unless the preflight is skipped."""
        return tuple(g for g in self.gaps if g.blocks)


def preview(options: Options) -> Preview:
    """The plan and the preflight of these options. Raises Refused when there is nothing that could be run."""
    coverage.check_loaded(options)
    days = coverage.calendar().days(options.start, options.end, live=not options.backfill_mode)
    if not any(d.is_processing for d in days):
        raise Refused(f"there is no game between {options.start} and {options.end}, so there is nothing to backfill")
    planned = plan(options, days, coverage.done(options))
    running = {r.date for r in planned.runs if r.action is Action.RUN}
    rows = coverage.source_rows(options.start, options.end)
    found = gaps([d for d in days if d.day in running], rows, live=not options.backfill_mode)
    return Preview(planned, tuple(found))


def start(options: Options, who: str, *, triggered_by: str = "backfill") -> Job | None:
    """Create the job of these options, owned by this process; None when everything is complete already.

    The same options as a job whose process died go on with that job. Raises Refused when the preflight blocks or
    the warehouse cannot be written, Conflict when another job holds one of the dates.
    """
    writable_warehouse()
    if interrupted := _interrupted(options):
        return _take_over(interrupted, who)
    found = preview(options)
    if found.blockers and not options.skip_preflight:
        raise Refused(_blocked_text(found.blockers))
    return _create(found.plan, who, triggered_by) if found.plan.todo else None


def _blocked_text(blockers: Sequence[Gap]) -> str:
    more = f" (and {len(blockers) - 3} more)" if len(blockers) > 3 else ""
    return (
        f"Phase 3 is not complete: {'; '.join(map(str, blockers[:3]))}{more}. "
        f"Load it first, or override with --skip-preflight --reason TEXT"
    )


def _create(planned: Plan, who: str, triggered_by: str) -> Job:
    options = planned.options
    try:
        with transaction.atomic():
            job = Job.objects.create(
                options=options.as_json(), who=who, why=options.reason, triggered_by=triggered_by,
                code_version=code_version(), sql_hashes={code: sql_hash(code) for code in options.processors},
                batch_size=planned.batch_size, owner=this_process(),
            )  # fmt: skip
            Event.objects.create(job=job, who=who, what="queued", why=options.reason)
            Run.objects.bulk_create(_runs(job, planned), batch_size=2000)
    except IntegrityError as error:
        raise Conflict(_conflict_text(options)) from error
    return job


def _runs(job: Job, planned: Plan) -> Iterator[Run]:
    for r in planned.runs:
        if r.action in (Action.RUN, Action.SKIP):
            yield Run(job=job, processor=r.processor, date=r.date, batch=r.batch)
        elif r.action is Action.KEEP:
            yield Run(job=job, processor=r.processor, date=r.date, batch=-1, status=Run.Status.SKIPPED, why=ALREADY_COMPLETE)


def _held(options: Options) -> dict[Job, int]:
    """The jobs that hold dates of these options, with how many runs."""
    runs = Run.objects.filter(status__in=Run.ACTIVE, processor__in=options.processors, date__range=(options.start, options.end))
    holders: dict[Job, int] = {}
    for run in runs.select_related("job"):
        holders[run.job] = holders.get(run.job, 0) + 1
    return holders


def _conflict_text(options: Options) -> str:
    holders = [f"job {job.pk} ({job.who}, {job.status}) holds {n} runs" for job, n in _held(options).items()]
    return f"{'; '.join(holders) or 'another job'} of this range; wait for it or cancel it"


def _interrupted(options: Options) -> Job | None:
    """Settle the jobs whose process died: return the one with these options, give the dates of the others back."""
    same = None
    for job in Job.objects.exclude(owner="").exclude(status__in=Job.ENDED):
        if job.status != Job.Status.PAUSED and not is_gone(job.owner):
            continue
        if not job.runs.filter(status__in=Run.ACTIVE).exists():
            finish(job, "sweep")
        elif job.parsed_options == options:
            same = job
        elif job in _held(options):
            _abandon(job)
    return same


def _abandon(job: Job) -> None:
    why = "its process ended and another backfill takes these dates"
    with transaction.atomic():
        _seize(job)
        job.runs.all().move(Run.ACTIVE, Run.Status.CANCELLED, "sweep", why)
        job.move((job.status,), Job.Status.CANCELLED, "sweep", why, finished_at=now())


def _take_over(job: Job, who: str) -> Job:
    """Put back what the dead process had claimed, and own the job."""
    with transaction.atomic():
        _seize(job)
        job.runs.all().move((Run.Status.RUNNING,), Run.Status.PENDING, "sweep", "its process ended")
        job.move((job.status,), Job.Status.QUEUED, who, "goes on where its process ended")
    return job


def _seize(job: Job) -> None:
    """Own a job whose process died. Raises Conflict when somebody else was faster."""
    if not Job.objects.filter(pk=job.pk, owner=job.owner, status=job.status).update(owner=this_process()):
        raise Conflict(f"job {job.pk} has just been taken over by another process; try again")


def finish(job: Job, who: str) -> Job:
    """End a job whose runs have all ended: failed when one failed or was blocked."""
    failed = job.runs.filter(status__in=(Run.Status.FAILED, Run.Status.BLOCKED)).count()
    status = Job.Status.FAILED if failed else Job.Status.SUCCEEDED
    why = f"{failed} runs failed or were blocked" if failed else ""
    job.move((Job.Status.QUEUED, Job.Status.RUNNING, Job.Status.PAUSED), status, who, why, finished_at=now())
    return job
