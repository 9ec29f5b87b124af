"""How far a job is, how fast, how long it may take, and why what waits waits: numbers and words
read from its rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Min, Sum

from backfill.models import Batch, Event, EventKind, Job, Limits, Run, Sweep, Worker

NO_WORKER = "no worker is running; bin/up starts them"
STEPS_LOOKED_AT = 20  # of the newest steps, per processor: a job's own recent rate
DATES_BEFORE_AN_ESTIMATE = 5
STALLED_SECONDS = 300


@dataclass(frozen=True)
class TimeLeft:
    """Seconds that the rest of a job takes, if it goes as its faster and as its slower recent steps
    did.
    """

    low: float
    high: float


@dataclass(frozen=True)
class Progress:
    """A job at one moment. `total` is the plan: the runs to execute, not the dates of the calendar."""

    job: int
    status: str
    total: int
    ended: int
    counts: dict[str, int]
    per_processor: dict[str, dict[str, int]]
    seconds: dict[str, float]
    runs_per_second: float | None
    time_left: TimeLeft | None
    changed_at: datetime | None
    stalled: str
    waiting: list[dict[str, Any]] = field(default_factory=list)

    @property
    def ran(self) -> int:
        """Runs that have ended otherwise than by being cancelled."""
        return self.ended - self.counts.get(Run.Status.CANCELLED, 0)

    def as_json(self) -> dict[str, Any]:
        """As one document."""
        return asdict(self)


def progress(job: Job, at: datetime) -> Progress:
    """Measure a job; a fixed number of queries whatever its size."""
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
    waiting = list(why_waiting(job, at))
    steps = _recent_steps(job)
    return Progress(
        job.pk,
        job.status,
        total,
        total - active,
        dict(counts),
        per_processor,
        _seconds(job),
        _rate(steps),
        _time_left(steps, per_processor),
        changed_at,
        _stalled(job, changed_at, waiting, at),
        waiting,
    )


@dataclass(frozen=True)
class _TimedStep:
    """One processor over one batch, as it was run."""

    processor: str
    runs: int
    started_at: datetime
    finished_at: datetime

    @property
    def seconds_per_run(self) -> float:
        return (self.finished_at - self.started_at).total_seconds() / self.runs


def _recent_steps(job: Job) -> list[_TimedStep]:
    """The newest steps since the job last went on, the oldest first; a pause takes no part."""
    resumed = job.events.filter(run=None, kind=EventKind.TRANSITION, to_state=Job.Status.RUNNING)
    went_on = resumed.aggregate(at=Max("at"))["at"]
    if went_on is None:
        return []
    ended = job.runs.filter(finished_at__gte=went_on, started_at__gte=went_on).exclude(
        status=Run.Status.CANCELLED
    )
    steps = (
        ended.values("processor", "batch")
        .annotate(runs=Count("pk"), first=Min("started_at"), last=Max("finished_at"))
        .order_by("-last")[: STEPS_LOOKED_AT * len(job.parsed_options.processors)]
    )
    return [_TimedStep(s["processor"], s["runs"], s["first"], s["last"]) for s in reversed(steps)]


def _wall_seconds(steps: Sequence[_TimedStep]) -> float:
    return (max(s.finished_at for s in steps) - min(s.started_at for s in steps)).total_seconds()


def _rate(steps: Sequence[_TimedStep]) -> float | None:
    """Runs per second over the recent steps."""
    wall = _wall_seconds(steps) if steps else 0
    return sum(s.runs for s in steps) / wall if wall else None


def _time_left(
    steps: Sequence[_TimedStep], per_processor: dict[str, dict[str, int]]
) -> TimeLeft | None:
    """The rest at the pace of the faster and the slower quarter of recent steps, as many side by
    side as there were.
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
    side_by_side = sum(s.seconds_per_run * s.runs for s in steps) / wall if wall else 1.0

    def rest(share: float) -> float:
        return sum(n * _quantile(seen[code], share) for code, n in left.items()) / (
            side_by_side or 1.0
        )

    return TimeLeft(rest(0.25), rest(0.9))


def _quantile(steps: Sequence[_TimedStep], share: float) -> float:
    """Seconds per run that this share of the runs took at most; a step counts by its runs, so a
    canary hardly does.
    """
    by_pace, wanted = (
        sorted(steps, key=lambda s: s.seconds_per_run),
        share * sum(s.runs for s in steps),
    )
    for step in by_pace:
        wanted -= step.runs
        if wanted <= 0:
            break
    return step.seconds_per_run


def _seconds(job: Job) -> dict[str, float]:
    """What the job's time went into: statements, writing, and the checks of normal mode."""
    sums = job.runs.aggregate(query=Sum("query_seconds"), write=Sum("write_seconds"))
    checked = () if job.parsed_options.backfill_mode else job.runs.values_list("checks", flat=True)
    # Completeness is checked within the statement, whose seconds are the query's already.
    checks = sum(c["seconds"] for found in checked for c in found if c["name"] != "completeness")
    return {
        **{name: round(value or 0.0, 3) for name, value in sums.items()},
        "checks": round(checks, 3),
    }


def why_waiting(job: Job, at: datetime) -> Iterator[dict[str, Any]]:
    """Each group of batches that waits, with the reason in words."""
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
    """What the reasons of one job's batches have in common."""

    def __init__(self, job: Job, batches: Sequence[Batch], at: datetime) -> None:
        self.job, self.at = job, at
        self.in_flight = [b for b in batches if b.status == Batch.Status.IN_FLIGHT]
        self.canary = (
            batches[0] if batches and job.parsed_options.canary and batches[0].number == 0 else None
        )
        self.in_all = Batch.objects.filter(status=Batch.Status.IN_FLIGHT).count()
        self.cap = Limits.current().max_parallel_batches
        self.workers = Worker.alive(at)

    def reason(self, batch: Batch) -> str:
        """Why a batch that no worker has does not run now."""
        if self.job.status not in Job.ACTIVE:
            return f"the job is {self.job.status}"
        if not self.workers and not self.job.owner:
            return NO_WORKER
        if batch.status == Batch.Status.IN_FLIGHT:
            return f"sent, and none of the {len(self.workers)} worker processes is free for it yet"
        if batch.retry_at and batch.retry_at > self.at:
            return f"{batch.reason}; {(batch.retry_at - self.at).total_seconds():.0f} s from now"
        if self.canary and batch.pk != self.canary.pk:
            return f"the canary {self.canary.first_date} runs alone first"
        if len(self.in_flight) >= self.job.max_in_flight:
            return f"{self.job.max_in_flight} batches of this job may be in flight, and are"
        if self.in_all >= self.cap:
            return f"{self.cap} batches of all jobs may be in flight, and are"
        return batch.reason or "about to be sent"


def has_stalled(job: Job, changed_at: datetime | None, at: datetime) -> bool:
    """Whether nothing has changed for long although the job is under way."""
    under_way = job.status not in (*Job.ENDED, Job.Status.PAUSED)
    return (
        under_way
        and changed_at is not None
        and at - changed_at >= timedelta(seconds=STALLED_SECONDS)
    )


def _stalled(
    job: Job, changed_at: datetime | None, waiting: Sequence[dict[str, Any]], at: datetime
) -> str:
    """That nothing has changed for long although the job is under way, and why; empty while all is
    well.
    """
    if not changed_at or not has_stalled(job, changed_at, at):
        return ""
    minutes = (at - changed_at).total_seconds() / 60
    reason = waiting[0]["why"] if waiting else "a step runs longer than any should"
    return f"nothing has changed for {minutes:.0f} minutes: {reason}"


def system(at: datetime) -> dict[str, Any]:
    """Who works and when that was last seen, how old the sweep is, and the cap in all."""
    swept = Sweep.objects.first()
    return {
        "workers": [
            {
                "name": w.name,
                "kind": w.kind,
                "seen_seconds_ago": round((at - w.seen_at).total_seconds(), 1),
                "alive": w.is_alive(at),
                "steps": len(w.claims),
                "started_at": w.started_at,
            }
            for w in Worker.objects.order_by("pk")
        ],
        "swept_seconds_ago": round((at - swept.at).total_seconds(), 1) if swept else None,
        "max_parallel_batches": Limits.current().max_parallel_batches,
        "batches_in_flight": Batch.objects.filter(status=Batch.Status.IN_FLIGHT).count(),
    }


def newest_events(job: Job, after: int = 0) -> list[Event]:
    """The job's own events (not those of single runs) after a number, the oldest first."""
    return list(job.events.filter(run=None, pk__gt=after).order_by("pk"))
