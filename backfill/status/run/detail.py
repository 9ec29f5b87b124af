"""Detail of one run: attempts, usual duration, failures with their expectation, findings, SQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from statistics import median

from django.db.models import Q

from backfill.elapsed import seconds_between
from backfill.models import LONG_AGO, Finding, Run, StepLog
from backfill.processors.render import inlined, sql_hash
from backfill.season_calendar import load_calendar, season_year
from backfill.status.latest_runs import AuditSummary
from backfill.status.run import log as run_log
from validation.categories import BY_NAME, Category

MOST_PAST_RUNS = 500
MOST_JOBS = 25


@dataclass(frozen=True)
class UsualDuration:
    """Median duration of one date, of the newest complete runs of a processor."""

    seconds: float
    runs: int


def usual_duration(run: Run) -> UsualDuration | None:
    """Return the usual duration of a run; None without past runs."""
    past = Run.objects.filter(
        processor=run.processor, status=Run.Status.COMPLETE, query_seconds__isnull=False
    ).exclude(pk=run.pk)
    found = past.order_by("-pk").values_list("query_seconds", "write_seconds")[:MOST_PAST_RUNS]
    seconds = [(query or 0) + (write or 0) for query, write in found]
    return UsualDuration(median(seconds), len(seconds)) if seconds else None


def duration(run: Run) -> float | None:
    """Return the seconds of a run: its date's share of the statement and of the writes."""
    if run.query_seconds is None:
        return None
    return run.query_seconds + (run.write_seconds or 0)


@dataclass(frozen=True, kw_only=True)
class RunAttempt:
    """Attempt at the (processor, date) of a run, in any job. `log` is None without a stored log."""

    run: Run
    state: str
    worker: str
    started_at: datetime | None
    ended_at: datetime | None
    log: StepLog | None = None

    def seconds(self, at: datetime) -> float | None:
        """Return the duration of its step, with all dates of the batch."""
        if self.started_at is None or (self.state == run_log.LOST and not self.ended_at):
            return None
        return seconds_between(self.started_at, self.ended_at or at)


def attempts(run: Run) -> list[RunAttempt]:
    """Return all attempts at the (processor, date) of a run, newest first."""
    same = Run.objects.filter(processor=run.processor, date=run.date).select_related("job")
    runs = list(same.order_by("-pk")[:MOST_JOBS])
    steps = [Q(job=r.job_id, batch=r.batch) for r in runs]
    logs = StepLog.objects.filter(reduce(or_, steps, Q(pk=None)), processor=run.processor)
    day, by_job = str(run.date), dict[int, list[StepLog]]()
    for log in logs.defer("text").order_by("started_at", "pk"):
        if day in log.dates:
            by_job.setdefault(log.job_id, []).append(log)
    found = [attempt for r in runs for attempt in _attempts_of(r, by_job.get(r.job_id, []))]
    return sorted(found, key=lambda a: a.started_at or LONG_AGO, reverse=True)


def _attempts_of(run: Run, logs: Sequence[StepLog]) -> Iterator[RunAttempt]:
    for log in logs:
        yield RunAttempt(
            run=run,
            state=run_log.state_of(log, run),
            worker=log.worker,
            started_at=log.started_at,
            ended_at=log.ended_at,
            log=log,
        )
    if not logs and run.started_at:
        yield RunAttempt(
            run=run,
            state=run.status,
            worker=run.worker,
            started_at=run.started_at,
            ended_at=run.finished_at,
        )


@dataclass(frozen=True, kw_only=True)
class FailureCount:
    """Failed entities of one category of a run; `expected` is None before the audit. A bug is never
    expected.
    """

    category: Category
    entities: int
    expected: int | None


def failure_counts(run: Run, audit: AuditSummary | None) -> list[FailureCount]:
    """Return the failures of a run by category, and those that were expected without occurring."""
    expected = audit.by_category if audit else {}
    names = [n for n in BY_NAME if run.failures.get(n) or expected.get(n)]
    return [
        FailureCount(
            category=BY_NAME[name],
            entities=run.failures.get(name, 0),
            expected=expected.get(name, 0) if audit else None,
        )
        for name in names
    ]


def newer_run(run: Run) -> Run | None:
    """Return the decisive run that has replaced this one; None if this one is the latest."""
    newest = Run.objects.deciding(run.date, run.date).get((run.processor, run.date))
    if newest is None or newest.pk == run.pk:
        return None
    return newest if (newest.started_at or LONG_AGO) > (run.started_at or LONG_AGO) else None


def findings_about(run: Run) -> list[Finding]:
    """Return the listed findings about a run, worst first."""
    found = Finding.objects.about(run.date, run.date).listed()
    day, code = str(run.date), run.processor
    return [f for f in found if day in f.dates and (not f.processors or code in f.processors)]


@dataclass(frozen=True, kw_only=True)
class RunStatement:
    """Statement of a run with literal parameters. Only the current code's can be rendered:
    `is_current` is False if the run executed another one.
    """

    sql: str
    used_hash: str
    current_hash: str

    @property
    def is_current(self) -> bool:
        """True if the run executed this statement, or would."""
        return self.used_hash in ("", self.current_hash)


def statement(run: Run) -> RunStatement:
    """Return the statement of a run, for its date."""
    sql = inlined(
        run.processor,
        run.date,
        load_calendar().starts[season_year(run.date)],
        backfill_mode=run.job.parsed_options.backfill_mode,
        started_at=run.started_at,
    )
    return RunStatement(sql=sql, used_hash=run.sql_hash, current_hash=sql_hash(run.processor))
