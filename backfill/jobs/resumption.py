"""Runs that a resume executes, and those that it skips."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from backfill.errors import WarehouseError
from backfill.models import Job, Run
from backfill.plan import rerun_policy
from backfill.season_calendar import load_calendar
from validation.findings.kinds import pluralize
from validation.season import DateType


@dataclass(frozen=True, kw_only=True)
class Resumption:
    """Numbers of the runs of a resume: executed, skipped as bootstrap, and already complete."""

    runs: int
    bootstrap: int = 0
    complete: int = 0

    @property
    def skipped_text(self) -> str:
        """Skipped runs as the end of a sentence; empty without any."""
        parts = [
            f"{pluralize(n, 'run')} {reason}"
            for n, reason in (
                (self.complete, "already complete"),
                (self.bootstrap, "on bootstrap dates"),
            )
            if n
        ]
        return f"; skips {', '.join(parts)}" if parts else ""


def resumption(job: Job) -> Resumption:
    """Return what a resume of this paused or cancelled job does now."""
    is_cancelled = job.status == Job.Status.CANCELLED
    status = Run.Status.CANCELLED if is_cancelled else Run.Status.PENDING
    left = list(job.runs.filter(status=status))
    complete = {run.pk for run in completed_since(job, left)} if is_cancelled else set()
    rest = [run for run in left if run.pk not in complete]
    bootstrap = _on_bootstrap_dates(job, rest)
    return Resumption(runs=len(rest) - bootstrap, bootstrap=bootstrap, complete=len(complete))


def completed_since(job: Job, runs: Iterable[Run]) -> list[Run]:
    """Return those of a job's runs whose (processor, date) needs no run any more.

    A backfill of what is not complete leaves out everything complete. Of runs that were to replace
    complete output, those remain that no other job has completed since, or that are stale again.
    """
    options = job.parsed_options
    done = Run.objects.done(options.start, options.end)
    if options.force or options.outdated or job.retry_of_id:
        newest = Run.objects.deciding(options.start, options.end)
        newer = {
            key: run
            for key, run in newest.items()
            if key in done
            and run.job_id != job.pk
            and run.started_at
            and run.started_at > job.created_at
        }
        done = newer.keys() - rerun_policy.stale(newer.values()).keys()
    return [run for run in runs if (run.processor, run.date) in done]


def _on_bootstrap_dates(job: Job, runs: Iterable[Run]) -> int:
    with suppress(WarehouseError):  # without a schedule each step decides
        calendar, live = load_calendar(), not job.parsed_options.backfill_mode
        types = {run.date: calendar.day(run.date, live=live).type for run in runs}
        return sum(types[run.date] is DateType.BOOTSTRAP for run in runs)
    return 0
