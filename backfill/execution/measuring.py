"""Metrics of steps: durations, ended runs, rows, errors, retries, and the cost on BigQuery."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import F

from backfill.execution.claims import Attempt
from backfill.models import Job, Run
from backfill.models.measure import Count, Duration, Measured


def keep_step(attempt: Attempt, ended: Sequence[Run], seconds: float) -> None:
    """Record an attempt that has ended, with or without an outcome."""
    code, measured = attempt.code, Measured()
    measured.observe(Duration.STEP, seconds, code)
    timed = [run for run in ended if run.query_seconds is not None]
    if timed:
        measured.observe(Duration.QUERY, sum(run.query_seconds or 0 for run in timed), code)
        measured.observe(Duration.WRITE, sum(run.write_seconds or 0 for run in timed), code)
    for run in ended:
        measured.count(Count.RUNS, code, run.status)
        if run.status == Run.Status.FAILED:
            measured.count(Count.ERRORS, code, run.error or run.refused_by or "unknown")
        elif run.status == Run.Status.COMPLETE:
            measured.count(Count.ROWS, code, by=run.rows or 0)
    _keep_cost(attempt, measured)
    measured.keep()


def keep_retry(attempt: Attempt, error: Exception) -> None:
    """Record an automatic retry."""
    measured = Measured()
    measured.count(Count.RETRIES, attempt.code, type(error).__name__)
    measured.keep()


def keep_pause(attempt: Attempt, error: Exception) -> None:
    """Record an error that paused the job."""
    measured = Measured()
    measured.count(Count.ERRORS, attempt.code, type(error).__name__)
    measured.keep()


def _keep_cost(attempt: Attempt, measured: Measured) -> None:
    """Record the bytes and slots of the warehouse jobs, also for the job as a whole."""
    billed = sum(charge.billed_bytes for charge in attempt.charges)
    slots = sum(charge.slot_seconds for charge in attempt.charges)
    if billed or slots:
        measured.count(Count.BILLED_BYTES, attempt.code, by=billed)
        measured.count(Count.SLOT_SECONDS, attempt.code, by=slots)
        Job.objects.filter(pk=attempt.job.pk).update(
            billed_bytes=F("billed_bytes") + billed, slot_seconds=F("slot_seconds") + slots
        )
