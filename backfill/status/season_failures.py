"""What is still broken in a season, by the job that made the latest attempt, and when a retry heals
it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from backfill.models import Job, Run
from backfill.plan.planning import Key
from backfill.processors.registry import CHAIN
from backfill.season_calendar import load_calendar
from backfill.status.failures import Failure, failures_of, failures_with, lost
from validation.retry import RetryClass

NEWEST = 20


@dataclass(frozen=True)
class FailedJob:
    """An ended job, and what is wrong with the (processor, date) of which it made the latest
    attempt.
    """

    job: Job
    failures: tuple[Failure, ...]

    @property
    def counts(self) -> dict[RetryClass, int]:
        """How many failures, one for each (processor, date) and what is wrong with it, a retry
        heals when.
        """
        found = Counter(f.verdict.retry for f in self.failures)
        return {retry: found[retry] for retry in RetryClass}

    @property
    def first(self) -> date:
        """The first date on which something is wrong."""
        return min(f.date for f in self.failures)

    @property
    def last(self) -> date:
        """The last one."""
        return max(f.date for f in self.failures)

    @property
    def processors(self) -> list[str]:
        """Those with which something is wrong, in chain order."""
        return [code for code in CHAIN if code in {f.processor for f in self.failures}]


def of_season(year: int) -> list[FailedJob]:
    """The newest ended jobs with something wrong that nothing newer has healed, the newest first.

    A fixed number of queries, however many jobs and dates there are. Raises WarehouseError.
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
    """What is wrong with the runs of a job as it left them, each with the number of its (processor,
    date).
    """
    found: Counter[str] = Counter()
    for run in Run.objects.filter(job=job).only("status", "error", "failures"):
        found.update(failures_with(run).keys())
    return dict(found.most_common())
