"""Estimates of a plan's duration and cost, from the newest measured runs of all jobs and the
durations of past jobs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from math import ceil
from statistics import median
from typing import Any

from django.conf import settings
from django.utils.timezone import now

from backfill.elapsed import seconds_between
from backfill.errors import WarehouseError
from backfill.models import Limits, Run, Worker
from backfill.plan.past_estimates import corrections
from backfill.plan.planning import Plan, PlannedAction, PlannedRun
from backfill.processors.render import accounted, render
from backfill.season_calendar import load_calendar
from backfill.warehouse import warehouse
from backfill.warehouse.season_cache import cached_for_season
from backfill.warehouse.tables import INPUTS

RUNS_LOOKED_AT = 200  # the newest of each processor
ENOUGH_STEPS = 5
COSTS_NOTHING = "none (local files)"
# After its SELECT a step writes failures, output and history.
WRITES = 3
TIB, GIB = 2**40, 2**30


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Duration of a plan at the pace of 50% and of 90% of the newest runs, and its cost.

    `low` and `high` are seconds, None without an estimate; `why_not` has the reason. `bytes` are
    the bytes billed by the warehouse, None where reads are free; `cost` is the cost in words, with
    the processors whose statements would read more than is allowed.
    """

    runs: int
    low: float | None = None
    high: float | None = None
    why_not: str = ""
    bytes: int | None = None
    cost: str = COSTS_NOTHING


@dataclass(frozen=True)
class _MeasuredStep:
    """A finished step: its number of runs, and seconds per run."""

    runs: int
    seconds: float


def estimate(plan: Plan) -> Estimate:
    """Estimate a plan with one query per processor and two more, each of a bounded number of rows.

    A warehouse that bills reads adds its dry run.
    """
    duration, _ = _duration(plan)
    try:
        steps = _billed_steps(plan)
    except WarehouseError as error:
        return replace(duration, cost=f"unknown: {error}")
    if not steps:
        return duration
    read = sum(step.bytes * step.batches for step in steps)
    return replace(duration, bytes=read, cost=f"{cost_text(read)}{_limit_text(steps)}")


def stored(plan: Plan) -> dict[str, Any]:
    """Return the duration as a job stores it (`Job.estimate`); empty without an estimate."""
    found, model = _duration(plan)
    return (
        {"runs": found.runs, "low": found.low, "high": found.high, "model": model} if model else {}
    )


def _duration(plan: Plan) -> tuple[Estimate, float]:
    """Return the estimate, and its low seconds before the correction by past jobs."""
    runs = {
        code: counts[PlannedAction.RUN]
        for code, counts in plan.counts().items()
        if counts[PlannedAction.RUN]
    }
    if not runs:
        return Estimate(runs=0, low=0.0, high=0.0), 0.0
    history = {code: _steps(code) for code in runs}
    if unknown := [code for code, steps in history.items() if not steps]:
        reason = f"no measured runs of {', '.join(unknown)} yet"
        return Estimate(runs=sum(runs.values()), why_not=reason), 0.0
    alike, side_by_side = (
        {code: _alike(steps, plan.batch_size) for code, steps in history.items()},
        _side_by_side(plan),
    )

    def seconds(share: float) -> float:
        return _seconds(
            plan,
            runs,
            {code: _quantile(steps, share) for code, steps in alike.items()},
            side_by_side,
        )

    count, model = sum(runs.values()), seconds(0.5)
    past = corrections(count)
    low = model * median(past)
    high = max(seconds(0.9) * median(past), model * max(past))
    return Estimate(runs=count, low=low, high=high), model


def _steps(code: str) -> list[_MeasuredStep]:
    """Return the newest steps of a processor, with wall seconds divided by the number of runs."""
    measured = Run.objects.filter(
        processor=code,
        status=Run.Status.COMPLETE,
        started_at__isnull=False,
        finished_at__isnull=False,
    )
    newest = measured.order_by("-pk").values_list("job_id", "batch", "started_at", "finished_at")[
        :RUNS_LOOKED_AT
    ]
    steps: Counter[tuple[int, int, datetime, datetime]] = Counter(
        (job, batch, start, end) for job, batch, start, end in newest if start and end
    )
    return [
        _MeasuredStep(n, seconds_between(start, end) / n) for (_, _, start, end), n in steps.items()
    ]


def _alike(steps: Sequence[_MeasuredStep], batch_size: int) -> Sequence[_MeasuredStep]:
    """Return the steps of a similar batch size where there are enough of them, else all steps
    scaled to that size.
    """
    near = [step for step in steps if batch_size / 2 <= step.runs <= batch_size * 2]
    return near if len(near) >= ENOUGH_STEPS else [_scaled(step, batch_size) for step in steps]


def _scaled(step: _MeasuredStep, batch_size: int) -> _MeasuredStep:
    """Return a step of another size. Half of a step's seconds are for its statement, whose binding
    and inputs cost the same for any number of dates.
    """
    return _MeasuredStep(step.runs, step.seconds * (1 + step.runs / batch_size) / 2)


def _quantile(steps: Sequence[_MeasuredStep], share: float) -> float:
    """Return the seconds per run at this quantile."""
    remaining = share * sum(step.runs for step in steps)
    by_pace = sorted(steps, key=lambda step: step.seconds)
    for step in by_pace:
        remaining -= step.runs
        if remaining <= 0:
            return step.seconds
    return by_pace[-1].seconds


def _side_by_side(plan: Plan) -> int:
    """Return the number of parallel batches, by concurrency limits and live worker processes."""
    limit, workers = Limits.current().max_parallel_batches, len(Worker.alive(now()))
    return max(1, min(plan.options.parallel or limit, limit, workers or limit))


def _seconds(
    plan: Plan, runs: Mapping[str, int], per_run: Mapping[str, float], side_by_side: int
) -> float:
    """Return the seconds of all runs with parallel batches, after the canary alone."""
    total, batches = sum(n * per_run[code] for code, n in runs.items()), plan.batches
    canary = sum(per_run.values()) if plan.options.canary and batches > 1 else 0.0
    rest = batches - 1 if canary else batches
    # Batches run in rounds: three batches, two at a time, take two rounds.
    return canary + max(0.0, total - canary) * ceil(rest / side_by_side) / rest


@dataclass(frozen=True)
class _BilledStep:
    """A processor in one season: bytes billed per batch, and its number of batches."""

    processor: str
    bytes: int
    batches: int


def _billed_steps(plan: Plan) -> list[_BilledStep]:
    """Return what is billed for a plan; none where reads are free. Raises WarehouseError."""
    steps: dict[tuple[str, int], dict[int, list[PlannedRun]]] = {}
    season_of = {day.day: day.season for day in plan.days}
    for run in plan.runs:
        if run.action is PlannedAction.RUN:
            steps.setdefault((run.processor, season_of[run.date]), {}).setdefault(
                run.batch, []
            ).append(run)
    billed = []
    for (code, year), batches in steps.items():
        largest = max(batches.values(), key=list.__len__)
        if (read := _bytes_of_step(code, year, largest, plan)) is None:
            return []
        billed.append(_BilledStep(code, read, len(batches)))
    return billed


def _bytes_of_step(code: str, year: int, runs: Sequence[PlannedRun], plan: Plan) -> int | None:
    """Return the bytes billed for one batch, which reads the inputs of its entire season."""
    start = load_calendar().starts.get(year)
    dates = sorted(run.date for run in runs)
    mode = plan.options.backfill_mode
    params = {
        "dates": dates,
        "season_start": start or dates[0],
        "started_at": datetime.now(UTC),
        "backfill_mode": mode,
        "run_ids": [""],
    }
    text = accounted(code, render(code), render(code, "population"))
    return cached_for_season(
        f"bytes of {code}, {mode}",
        year,
        INPUTS,
        lambda: warehouse().bytes_read(text, params, writes=WRITES),
    )


def _limit_text(steps: Sequence[_BilledStep]) -> str:
    """Return the processors above the limit of a statement, as the end of a sentence."""
    limit = settings.BIGQUERY_MAX_BYTES
    above = {step.processor: step.bytes for step in steps if step.bytes > limit}
    if not above:
        return ""
    listed = ", ".join(f"{code} {read / GIB:,.1f} GiB" for code, read in above.items())
    return (
        f"; above BIGQUERY_MAX_BYTES ({limit / GIB:,.1f} GiB) per statement: {listed}; "
        "raise it, or the job pauses"
    )


def cost_text(read: int) -> str:
    """Format the price of reading this many bytes."""
    price = settings.BIGQUERY_PRICE_PER_TIB
    return f"about ${read / TIB * price:,.2f} at ${price:g} per TiB"
