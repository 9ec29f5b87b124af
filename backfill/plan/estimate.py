"""How long a plan may take, before it is started: from the newest runs that were measured, whatever
job they were of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import ceil

from django.utils.timezone import now

from backfill.errors import WarehouseError
from backfill.models import Limits, Run, Worker
from backfill.plan import pricing
from backfill.plan.planning import Plan, PlannedAction

RUNS_LOOKED_AT = 200  # of each processor, the newest
ENOUGH_STEPS = 5
COSTS_NOTHING = (
    "the embedded warehouse reads files of its own; nothing is charged for what it reads"
)


@dataclass(frozen=True)
class Estimate:
    """How long a plan takes if it goes as half of the newest runs did, and as nine in ten did.

    `low` and `high` are seconds, None when `why_not` says why there is no estimate. `bytes` are
    what a warehouse that
    charges by them would read, None where it does not; `cost` says so in words.
    """

    runs: int
    low: float | None = None
    high: float | None = None
    why_not: str = ""
    bytes: int | None = None
    cost: str = COSTS_NOTHING


@dataclass(frozen=True)
class _MeasuredStep:
    """A processor over one batch, as it was run: how many runs, and the seconds of each."""

    runs: int
    seconds: float


def estimate(plan: Plan) -> Estimate:
    """Estimate a plan: a query per processor and two more, each of so many rows whatever the size
    of the history.

    Where the warehouse charges for what it reads, it is asked besides.
    """
    found = _by_time(plan)
    try:
        read = pricing.bytes_of(plan)
    except WarehouseError as error:
        return replace(found, cost=f"not known: {error}")
    return found if read is None else replace(found, bytes=read, cost=pricing.cost_text(read))


def _by_time(plan: Plan) -> Estimate:
    runs = {
        code: counts[PlannedAction.RUN]
        for code, counts in plan.counts().items()
        if counts[PlannedAction.RUN]
    }
    if not runs:
        return Estimate(0, 0.0, 0.0)
    history = {code: _steps(code) for code in runs}
    if unknown := [code for code, steps in history.items() if not steps]:
        return Estimate(
            sum(runs.values()), why_not=f"no run of {', '.join(unknown)} has been measured yet"
        )
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

    return Estimate(sum(runs.values()), seconds(0.5), seconds(0.9))


def _steps(code: str) -> list[_MeasuredStep]:
    """The newest steps of a processor: of each, the wall seconds from its begin to its end, shared
    among its runs.
    """
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
        _MeasuredStep(n, (end - start).total_seconds() / n)
        for (_, _, start, end), n in steps.items()
    ]


def _alike(steps: Sequence[_MeasuredStep], batch_size: int) -> Sequence[_MeasuredStep]:
    """The steps about as large as those planned, where there are enough: a date in a large batch
    takes far less.
    """
    near = [step for step in steps if batch_size / 2 <= step.runs <= batch_size * 2]
    return near if len(near) >= ENOUGH_STEPS else steps


def _quantile(steps: Sequence[_MeasuredStep], share: float) -> float:
    """Seconds per run that this share of the runs took at most."""
    wanted = share * sum(step.runs for step in steps)
    by_pace = sorted(steps, key=lambda step: step.seconds)
    for step in by_pace:
        wanted -= step.runs
        if wanted <= 0:
            return step.seconds
    return by_pace[-1].seconds


def _side_by_side(plan: Plan) -> int:
    """How many batches would run at a time: by the caps, and by the worker processes when there are
    any.
    """
    cap, workers = Limits.current().max_parallel_batches, len(Worker.alive(now()))
    return max(1, min(plan.options.parallel or cap, cap, workers or cap))


def _seconds(
    plan: Plan, runs: Mapping[str, int], per_run: Mapping[str, float], side_by_side: int
) -> float:
    """All runs at their pace, as many batches side by side as may be; the canary first and alone."""
    total, batches = sum(n * per_run[code] for code, n in runs.items()), plan.batches
    canary = sum(per_run.values()) if plan.options.canary and batches > 1 else 0.0
    rest = batches - 1 if canary else batches
    # In rounds: three batches two at a time take two rounds.
    return canary + max(0.0, total - canary) * ceil(rest / side_by_side) / rest
