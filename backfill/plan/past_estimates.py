"""Estimates of past jobs and their actual durations, which correct later estimates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from statistics import median

from django.db.models import Exists, OuterRef

from backfill.elapsed import seconds_between
from backfill.models import Event, Job

LOOKED_AT = 20  # newest jobs
NEAREST = 5  # in number of runs
ALIKE = 3  # times as many runs
ENOUGH_JOBS = 3


@dataclass(frozen=True, kw_only=True)
class PastEstimate:
    """A job that succeeded without a pause: its estimate and its duration, in seconds."""

    job: int
    runs: int
    low: float
    high: float
    model: float
    seconds: float

    @property
    def error(self) -> float:
        """Distance of the duration from the estimate's low end, as a share of the duration."""
        return abs(self.low - self.seconds) / self.seconds


def past_estimates() -> list[PastEstimate]:
    """Return the newest jobs with an estimate and a duration, newest first; one query."""
    paused = Event.objects.filter(job=OuterRef("pk"), run=None, to_state=Job.Status.PAUSED)
    jobs = (
        Job.objects.filter(status=Job.Status.SUCCEEDED, started_at__isnull=False)
        .exclude(estimate={})
        .exclude(Exists(paused))
        .order_by("-pk")
        .values_list("pk", "estimate", "started_at", "finished_at")[:LOOKED_AT]
    )
    return [
        PastEstimate(job=pk, seconds=seconds, **estimate)
        for pk, estimate, start, end in jobs
        if start and end and (seconds := seconds_between(start, end))
    ]


def median_error(past: Sequence[PastEstimate]) -> float | None:
    """Return the median error; None with fewer than three jobs."""
    return median(one.error for one in past) if len(past) >= ENOUGH_JOBS else None


def corrections(runs: int) -> list[float]:
    """Return duration / model of the past jobs most similar in size; [1.0] without any."""
    by_size = sorted(past_estimates(), key=lambda one: abs(log(one.runs / runs)))
    alike = [one for one in by_size if max(one.runs, runs) <= ALIKE * min(one.runs, runs)]
    return [one.seconds / one.model for one in (alike or by_size)[:NEAREST]] or [1.0]
