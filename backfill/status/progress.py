"""Progress of a job: counts, speed, time left, and the reason why each batch is waiting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Min, Sum

from backfill.elapsed import seconds_between
from backfill.models import Batch, Event, EventKind, Job, Limits, Run, Sweep, Worker
from validation.categories import BUGS

NO_WORKER = "no worker is running; start workers with bin/up"
STEPS_LOOKED_AT = 20  # per processor: enough for a recent rate
DATES_BEFORE_AN_ESTIMATE = 5
STALLED_SECONDS = 300


@dataclass(frozen=True)
class TimeLeft:
    """Seconds until a job ends, at the pace of its faster and of its slower recent steps."""

    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Progress of a job at one moment. `total` counts the runs to execute, not the calendar
    dates.
    """

    job: int
    status: str
    total: int
    ended: int
    counts: dict[str, int]
    per_processor: dict[str, dict[str, int]]
    bugs: dict[str, int]  # complete runs with bugs, per processor
    seconds: dict[str, float]
    runs_per_second: float | None
    time_left: TimeLeft | None
    changed_at: datetime | None
    stalled: str
    waiting: list[dict[str, Any]] = field(default_factory=list)

    @property
    def ran(self) -> int:
        """Count of finished runs that were not cancelled."""
        return self.ended - self.counts.get(Run.Status.CANCELLED, 0)

    def as_json(self) -> dict[str, Any]:
        """Return the progress as a JSON document."""
        return asdict(self)


def progress(job: Job, at: datetime) -> Progress:
    """Measure a job with a fixed number of queries."""
    runs = job.runs.own()
    found = runs.values_list("processor", "status").annotate(n=Count("pk"))
    per_processor: dict[str, dict[str, int]] = {code: {} for code in job.parsed_options.processors}
    for code, status, n in found:
        per_processor[code][status] = n
    counts = Counter[str]()
    for by_status in per_processor.values():
        counts.update(by_status)
    total, active = counts.total(), sum(counts[s] for s in Run.ACTIVE)
    changed_at = job.events.aggregate(at=Max("at"))["at"]
    waiting = list(waiting_reasons(job, at))
    steps = _recent_steps(job)
    return Progress(
        job=job.pk,
        status=job.status,
        total=total,
        ended=total - active,
        counts=dict(counts),
        per_processor=per_processor,
        bugs={code: n for (_, code), n in runs_with_bugs([job.pk]).items()},
        seconds=_seconds(job),
        runs_per_second=_rate(steps),
        time_left=None if lacks_workers(waiting) else _time_left(steps, per_processor),
        changed_at=changed_at,
        stalled=_stalled(job, changed_at, waiting, at),
        waiting=waiting,
    )


def lacks_workers(waiting: Sequence[dict[str, Any]]) -> bool:
    """Return True if batches wait because no worker is running."""
    return any(batch["why"] == NO_WORKER for batch in waiting)


def runs_with_bugs(jobs: Sequence[int]) -> dict[tuple[int, str], int]:
    """Count the complete runs with bugs, by job and processor."""
    found = Run.objects.filter(
        job__in=jobs, status=Run.Status.COMPLETE, failures__has_any_keys=list(BUGS)
    )
    by_job = found.values_list("job", "processor").annotate(n=Count("pk")).order_by()
    return {(job, code): n for job, code, n in by_job}


@dataclass(frozen=True, kw_only=True)
class _TimedStep:
    """Step that has ended: a processor over a batch."""

    processor: str
    runs: int
    started_at: datetime
    finished_at: datetime

    @property
    def seconds_per_run(self) -> float:
        return seconds_between(self.started_at, self.finished_at) / self.runs


def _recent_steps(job: Job) -> list[_TimedStep]:
    """Return the newest steps since the job was last resumed, oldest first; time before a pause is
    not used.
    """
    resumed = job.events.filter(run=None, kind=EventKind.TRANSITION, to_state=Job.Status.RUNNING)
    resumed_at = resumed.aggregate(at=Max("at"))["at"]
    if resumed_at is None:
        return []
    ended = job.runs.filter(finished_at__gte=resumed_at, started_at__gte=resumed_at).exclude(
        status=Run.Status.CANCELLED
    )
    steps = (
        ended.values("processor", "batch")
        .annotate(runs=Count("pk"), first=Min("started_at"), last=Max("finished_at"))
        .order_by("-last")[: STEPS_LOOKED_AT * len(job.parsed_options.processors)]
    )
    return [
        _TimedStep(
            processor=s["processor"], runs=s["runs"], started_at=s["first"], finished_at=s["last"]
        )
        for s in reversed(steps)
    ]


def _wall_seconds(steps: Sequence[_TimedStep]) -> float:
    return seconds_between(min(s.started_at for s in steps), max(s.finished_at for s in steps))


def _rate(steps: Sequence[_TimedStep]) -> float | None:
    """Return runs per second over the recent steps."""
    wall = _wall_seconds(steps) if steps else 0
    return sum(s.runs for s in steps) / wall if wall else None


def _time_left(
    steps: Sequence[_TimedStep], per_processor: dict[str, dict[str, int]]
) -> TimeLeft | None:
    """Estimate the rest at the pace of the fastest and slowest recent steps, with the same number
    of steps in parallel.
    """
    left = {
        code: n
        for code, by in per_processor.items()
        if (n := sum(by.get(s, 0) for s in Run.ACTIVE))
    }
    seen = {code: [s for s in steps if s.processor == code] for code in left}
    if not left or any(
        sum(s.runs for s in found) < DATES_BEFORE_AN_ESTIMATE for found in seen.values()
    ):
        return None
    wall = _wall_seconds(steps)
    parallel_steps = sum(s.seconds_per_run * s.runs for s in steps) / wall if wall else 1.0

    def rest(share: float) -> float:
        return sum(n * _quantile(seen[code], share) for code, n in left.items()) / (
            parallel_steps or 1.0
        )

    return TimeLeft(rest(0.25), rest(0.9))


def _quantile(steps: Sequence[_TimedStep], share: float) -> float:
    """Return the seconds per run below which this share of the runs lies. Steps are weighted by
    their runs, so a canary has little effect.
    """
    runs_left = share * sum(s.runs for s in steps)
    for step in sorted(steps, key=lambda s: s.seconds_per_run):
        runs_left -= step.runs
        if runs_left <= 0:
            break
    return step.seconds_per_run


def _seconds(job: Job) -> dict[str, float]:
    """Return the seconds spent on statements, on writing, and on the checks of normal mode."""
    sums = job.runs.aggregate(query=Sum("query_seconds"), write=Sum("write_seconds"))
    checked = () if job.parsed_options.backfill_mode else job.runs.values_list("checks", flat=True)
    # Completeness is checked within the statement, so its seconds are in `query` already.
    checks = sum(c["seconds"] for found in checked for c in found if c["name"] != "completeness")
    return {
        **{name: round(value or 0.0, 3) for name, value in sums.items()},
        "checks": round(checks, 3),
    }


def waiting_reasons(job: Job, at: datetime) -> Iterator[dict[str, Any]]:
    """Yield each group of waiting batches with its reason."""
    batches = list(job.batches.exclude(status=Batch.Status.ENDED).order_by("number"))
    running = set(job.runs.filter(status=Run.Status.RUNNING).values_list("batch", flat=True))
    reasons: dict[str, list[Batch]] = {}
    context = _Context(job, batches, at)
    for batch in batches:
        if batch.number not in running:
            reasons.setdefault(context.reason(batch), []).append(batch)
    for reason, group in reasons.items():
        yield {
            "why": reason,
            "batches": len(group),
            "first": group[0].first_date,
            "last": group[-1].last_date,
        }


class _Context:
    """Facts that the reasons of one job's batches share."""

    def __init__(self, job: Job, batches: Sequence[Batch], at: datetime) -> None:
        self.job, self.at = job, at
        self.in_flight = [b for b in batches if b.status == Batch.Status.IN_FLIGHT]
        self.canary = (
            batches[0] if batches and job.parsed_options.canary and batches[0].number == 0 else None
        )
        self.in_all = Batch.objects.filter(status=Batch.Status.IN_FLIGHT).count()
        self.limit = Limits.current().max_parallel_batches
        self.workers = Worker.alive(at)

    def reason(self, batch: Batch) -> str:
        """Return the reason why a batch without a worker is waiting."""
        if self.job.status not in Job.ACTIVE:
            return f"the job is {self.job.status}"
        if not self.workers and not self.job.owner:
            return NO_WORKER
        if batch.status == Batch.Status.IN_FLIGHT:
            return "queued for a worker"
        if batch.retry_at and batch.retry_at > self.at:
            seconds = seconds_between(self.at, batch.retry_at)
            return f"{batch.reason}; next attempt in {seconds:.0f} s"
        if self.canary and batch.pk != self.canary.pk:
            return f"waiting for the canary {self.canary.first_date}"
        if len(self.in_flight) >= self.job.max_in_flight:
            return f"concurrency limit reached: {_in_flight(self.job.max_in_flight)} of this job"
        if self.in_all >= self.limit:
            return f"concurrency limit reached: {_in_flight(self.limit)} of all jobs"
        return batch.reason or "starting soon"


def _in_flight(n: int) -> str:
    return f"{n} {'batch' if n == 1 else 'batches'} in flight"


def has_stalled(job: Job, changed_at: datetime | None, at: datetime) -> bool:
    """True if the job is active and has not changed for STALLED_SECONDS."""
    is_active = job.status not in (*Job.ENDED, Job.Status.PAUSED)
    return (
        is_active
        and changed_at is not None
        and at - changed_at >= timedelta(seconds=STALLED_SECONDS)
    )


def _stalled(
    job: Job, changed_at: datetime | None, waiting: Sequence[dict[str, Any]], at: datetime
) -> str:
    """Return a sentence with the reason if the job has stalled; empty otherwise."""
    if not changed_at or not has_stalled(job, changed_at, at):
        return ""
    minutes = seconds_between(changed_at, at) / 60
    reason = waiting[0]["why"] if waiting else "a step exceeds its expected duration"
    return f"no progress for {minutes:.0f} min: {reason}"


def system(at: datetime) -> dict[str, Any]:
    """Return workers with their last heartbeat, the age of the last sweep, and the concurrency
    limit.
    """
    swept, workers = Sweep.objects.first(), list(Worker.objects.order_by("pk"))
    ahead = [0.0, *(w.clock_ahead for w in workers)]  # the database server's own clock first
    return {
        "workers": [
            {
                "name": w.name,
                "kind": w.kind,
                "seen_seconds_ago": round(seconds_between(w.seen_at, at), 1),
                "alive": w.is_alive(at),
                "steps": len(w.claims),
                "started_at": w.started_at,
                "clock_ahead_seconds": round(w.clock_ahead, 1),
            }
            for w in workers
        ],
        "clock_difference_seconds": round(max(ahead) - min(ahead), 1),
        "swept_seconds_ago": round(seconds_between(swept.at, at), 1) if swept else None,
        "max_parallel_batches": Limits.current().max_parallel_batches,
        "batches_in_flight": Batch.objects.filter(status=Batch.Status.IN_FLIGHT).count(),
    }


def newest_events(job: Job, after: int = 0) -> list[Event]:
    """Return the job's own events after a number, without those of single runs, oldest first."""
    return list(job.events.filter(run=None, pk__gt=after).order_by("pk"))
