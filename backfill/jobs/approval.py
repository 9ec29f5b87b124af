"""Approval of large launches. Overwriting jobs of one user within a day count together, so that
splitting a launch does not avoid the approval.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Exists, OuterRef, QuerySet

from backfill.errors import BackcourtError
from backfill.models import Job, Launch, Run
from backfill.plan import rerun_policy
from backfill.plan.planning import Plan
from backfill.season_calendar import load_calendar
from validation.findings.kinds import pluralize

COUNTED_TOGETHER = timedelta(hours=24)
# Runs that overwrite nothing.
WITHOUT_OUTPUT = (Run.Status.SKIPPED, Run.Status.CANCELLED, Run.Status.BLOCKED)


@dataclass(frozen=True)
class Overwritten:
    """Dates that are rerun with force or overwritten, and complete runs that are overwritten."""

    dates: int = 0
    runs: int = 0

    def __add__(self, other: Overwritten) -> Overwritten:
        """Return the sum."""
        return Overwritten(self.dates + other.dates, self.runs + other.runs)


def overwritten_by_plan(plan: Plan) -> Overwritten:
    """Count the dates and runs that a plan overwrites; with force, all its dates."""
    days = {run.date for run in plan.runs if run.overwrites}
    return Overwritten(len(plan.dates if plan.options.force else days), plan.overwrites)


def overwritten_recently(actor: str, at: datetime, without: Job | None = None) -> Overwritten:
    """Count those of a user's other jobs and scheduled launches within a day of `at`.

    Approved ones are not counted: a second person has seen them.
    """
    approved = Launch.objects.filter(job__isnull=False).exclude(approved_by="").values("job")
    jobs = Job.objects.filter(actor=actor, created_at__gt=at - COUNTED_TOGETHER)
    jobs = jobs.exclude(pk__in=approved).exclude(pk=without.pk if without else 0)
    scheduled = Launch.objects.filter(
        actor=actor,
        state=Launch.State.WAITING,
        needs_approval="",
        start_at__gt=at - COUNTED_TOGETHER,
        start_at__lt=at + COUNTED_TOGETHER,
    )
    counts = [*map(_of_job, jobs), *map(_of_launch, scheduled)]
    return sum(counts, Overwritten())


def approval_reason(plan: Plan, limit: int, others: Overwritten | None = None) -> str:
    """Return the reason why a plan needs approval; empty within `limit`.

    The limit applies to the number of dates and to the number of overwritten runs; for a plan that
    overwrites, also to the sums with the user's `others`.
    """
    if (dates := len(plan.dates)) > limit:
        return f"runs {dates:,} dates; more than {limit:,} need approval"
    if plan.overwrites > limit:
        return f"overwrites {plan.overwrites:,} complete runs; more than {limit:,} need approval"
    own = overwritten_by_plan(plan)
    total = own + (others or Overwritten())
    together = "with other jobs of the same user within 24 hours"
    if own.runs and total.runs > limit:
        return (
            f"overwrites {pluralize(own.runs, 'complete run')}, {total.runs:,} {together}; "
            f"more than {limit:,} need approval"
        )
    if own.dates and total.dates > limit:
        return (
            f"reruns {pluralize(own.dates, 'date')}, {total.dates:,} {together}; "
            f"more than {limit:,} need approval"
        )
    return ""


def approval_needed(
    plan: Plan, actor: str, at: datetime, limit: int, without: Job | None = None
) -> str:
    """Return the reason why a user's plan at this time needs approval; empty if none is needed."""
    is_overwriting = overwritten_by_plan(plan) != Overwritten()
    others = overwritten_recently(actor, at, without) if is_overwriting else None
    return approval_reason(plan, limit, others)


def _of_job(job: Job) -> Overwritten:
    written = job.runs.own().exclude(status__in=WITHOUT_OUTPUT)
    overwritten = list(_overwriting(job, written).values_list("date", flat=True))
    forced = written.values_list("date", flat=True) if job.parsed_options.force else overwritten
    return Overwritten(_distinct(forced), len(overwritten))


def _overwriting(job: Job, runs: QuerySet[Run]) -> QuerySet[Run]:
    """Return the runs whose output was complete when their job was created."""
    complete = Run.objects.filter(
        processor=OuterRef("processor"),
        date=OuterRef("date"),
        status=Run.Status.COMPLETE,
        finished_at__lte=job.created_at,
    )
    return runs.filter(Exists(complete.exclude(job=job)))


def _of_launch(launch: Launch) -> Overwritten:
    options = launch.parsed_options
    try:
        days = rerun_policy.days_of(options, load_calendar())
        return overwritten_by_plan(rerun_policy.planned(options, days))
    except BackcourtError:  # it cannot start either
        return Overwritten()


def _distinct(days: Iterable[date]) -> int:
    return len(set(days))
