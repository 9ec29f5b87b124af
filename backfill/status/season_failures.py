"""Failures still present in a season, by the job of the latest attempt, each with its retry
class.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from backfill.models import Job, Key, Run
from backfill.plan.rerun_policy import lost
from backfill.processors.registry import CHAIN
from backfill.season_calendar import load_calendar
from backfill.status.failures import Failure, RunEnd, failures_of, failures_with, nothing_to_retry
from validation.retry import RetryClass

NEWEST = 20


@dataclass(frozen=True)
class FailedJob:
    """Ended job with its failures, counted where no later job made another attempt."""

    job: Job
    failures: tuple[Failure, ...]

    @property
    def counts(self) -> dict[RetryClass, int]:
        """Count failures by retry class; one per (processor, date) and category or error class."""
        found = Counter(f.verdict.retry for f in self.failures)
        return {retry: found[retry] for retry in RetryClass}

    @property
    def nothing_to_retry(self) -> str:
        """Reason that a retry fixes none of the failures; empty if it fixes one."""
        return nothing_to_retry(self.failures)

    @property
    def first(self) -> date:
        """First date with a failure."""
        return min(f.date for f in self.failures)

    @property
    def last(self) -> date:
        """Last date with a failure."""
        return max(f.date for f in self.failures)

    @property
    def processors(self) -> list[str]:
        """Processors with failures, in chain order."""
        return [code for code in CHAIN if code in {f.processor for f in self.failures}]


def of_season(year: int) -> list[FailedJob]:
    """Return the newest ended jobs with failures that no later run has fixed, newest first.

    The number of queries does not depend on the number of jobs and dates. Raises WarehouseError.
    """
    days = [day.day for day in load_calendar().season(year)]
    if not days:
        return []
    newest = Run.objects.deciding(days[0], days[-1])
    missing = lost(newest)
    jobs = _newest_jobs(
        {run.job_id for key, run in newest.items() if key in missing or failures_with(run)}
    )
    runs = {key: run for key, run in newest.items() if run.job_id in jobs}
    return _by_job(jobs, runs, failures_of(runs, newest, missing))


def _newest_jobs(pks: set[int]) -> dict[int, Job]:
    ended = Job.objects.filter(pk__in=pks, status__in=Job.ENDED).order_by("-pk")
    return {job.pk: job for job in ended[:NEWEST]}


def _by_job(
    jobs: Mapping[int, Job], runs: Mapping[Key, Run], failures: list[Failure]
) -> list[FailedJob]:
    found: dict[int, list[Failure]] = {pk: [] for pk in jobs}
    for failure in failures:
        found[runs[failure.key].job_id].append(failure)
    return [FailedJob(jobs[pk], tuple(of_job)) for pk, of_job in found.items() if of_job]


def describe_failures(job: Job) -> dict[str, int]:
    """Count the (processor, date) pairs of a job by category and error class, as its own runs
    ended.
    """
    found: Counter[str] = Counter()
    for row in Run.objects.filter(job=job).values_list(*RunEnd._fields):
        found.update(failures_with(RunEnd(*row)).keys())
    return dict(found.most_common())
