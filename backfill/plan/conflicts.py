"""Conflicts of a plan with active jobs."""

from __future__ import annotations

from django.utils.timezone import now

from backfill.models import Job, Run, Worker
from backfill.plan.planning import Plan


def holders(planned: Plan) -> dict[Job, int]:
    """Return the active jobs that hold any (processor, date) of a plan, with how many each holds.

    Inline jobs whose process ended hold nothing.
    """
    wanted, options = {r.key for r in planned.todo}, planned.options
    active = Run.objects.filter(
        status__in=Run.ACTIVE, date__range=(options.start, options.end)
    ).select_related("job")
    active = active.exclude(job__in=[job.pk for job in orphaned_jobs()])
    found: dict[Job, int] = {}
    for run in active.order_by("job_id"):
        if (run.processor, run.date) in wanted:
            found[run.job] = found.get(run.job, 0) + 1
    return found


def conflict_message(planned: Plan) -> str:
    """Return one sentence about the jobs that hold part of a plan; empty without a conflict."""
    return conflict_text(planned) if holders(planned) else ""


def conflict_text(planned: Plan) -> str:
    """Describe the conflict, also when the other job has ended in the meantime."""
    found = holders(planned)
    texts = [f"job {job.pk} ({job.actor}, {job.status}) holds {n} runs" for job, n in found.items()]
    what = "resume it" if {job.status for job in found} == {Job.Status.PAUSED} else "wait for it"
    holding = "; ".join(texts) or "another job has just taken some"
    return f"{holding} of this range; {what} or cancel it"


def orphaned_jobs() -> list[Job]:
    """Return the inline jobs without a running process: it ended, or the job is paused."""
    at, inline = now(), Job.objects.exclude(owner="").exclude(status__in=Job.ENDED).order_by("pk")
    return [
        job for job in inline if job.status == Job.Status.PAUSED or Worker.has_ended(job.owner, at)
    ]
