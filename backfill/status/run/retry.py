"""Reasons against a retry of single runs, for lists of runs."""

from __future__ import annotations

from collections.abc import Sequence

from backfill.errors import WarehouseError
from backfill.models import Run
from backfill.plan.rerun_policy import lost
from backfill.status.failures import Failure, failures_of, nothing_to_retry


def retry_reasons(runs: Sequence[Run]) -> dict[int, str]:
    """Return the reason that a retry fixes nothing, by run; empty if it fixes something.

    Runs that a newer run has replaced are left out, and all if the warehouse cannot be read.
    """
    if not runs:
        return {}
    days = [run.date for run in runs]
    # Only their dates: between them, a list of a whole season has thousands of runs.
    on_dates = Run.objects.filter(date__in=set(days))
    newest = on_dates.deciding(min(days), max(days))
    current = {
        key: run for run in runs if (n := newest.get(key := (run.processor, run.date))) and n == run
    }
    if not current:
        return {}
    try:
        failures = failures_of(current, newest, lost(newest))
    except WarehouseError:
        return {}
    found: dict[int, list[Failure]] = {run.pk: [] for run in current.values()}
    for failure in failures:
        found[current[failure.key].pk].append(failure)
    return {pk: nothing_to_retry(of_run) for pk, of_run in found.items()}
