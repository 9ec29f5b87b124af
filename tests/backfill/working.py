"""Celery-free workers: tests call the steps one by one and can act between two steps."""

from __future__ import annotations

import socket
from datetime import datetime, timedelta
from typing import Any

from django.utils.timezone import now

from backfill.execution import dispatch
from backfill.execution.step import run_step
from backfill.jobs.start import start_job
from backfill.models import Batch, Event, Job, Worker
from backfill.processors.registry import CHAIN
from backfill.season_calendar import load_calendar
from tests.seasons.tiny import make_options

DEAD = f"{socket.gethostname()} 1 0.00"  # no process has this number and start time
ELSEWHERE = "elsewhere 7 1234"  # on another host, where only its heartbeat proves it alive


def make_job(**overrides: Any) -> Job:
    """Make a job for workers: one date per batch, two batches in flight at most."""
    job = start_job(make_options(**{"batch_size": 1, "parallel": 2, **overrides}), "ann")
    assert job
    return job


def in_flight(job: Job) -> list[int]:
    return list(
        job.batches.filter(status=Batch.Status.IN_FLIGHT)
        .order_by("number")
        .values_list("number", flat=True)
    )


def batch_of(job: Job, number: int) -> Batch:
    return Batch.objects.get(job=job, number=number)


def step(batch: Batch, code: str) -> int:
    """Run one step as a worker does; return the number of finished runs."""
    return len(run_step(batch, code, load_calendar(), "worker"))


def run_batch(job: Job, number: int) -> None:
    """Run the rest of a batch that is in flight."""
    batch = batch_of(job, number)
    for code in CHAIN:
        step(batch, code)


def run_all(job: Job) -> Job:
    """Dispatch and run until no batch is in flight."""
    dispatch.dispatch()
    while numbers := in_flight(job):
        run_batch(job, numbers[0])
    job.refresh_from_db()
    return job


def statuses(job: Job) -> dict[str, int]:
    found: dict[str, int] = {}
    for status in job.runs.values_list("status", flat=True):
        found[status] = found.get(status, 0) + 1
    return found


def job_events(job: Job) -> list[tuple[str, str]]:
    """Return the job's own events as (kind, reason)."""
    return list(
        Event.objects.filter(job=job, run=None).order_by("pk").values_list("action", "reason")
    )


def make_worker(name: str = ELSEWHERE, seen_at: datetime | None = None, **fields: Any) -> Worker:
    seen_at = seen_at or now()
    return Worker.objects.create(
        name=name, seen_at=seen_at, **{"kind": "worker", "started_at": seen_at, **fields}
    )


def ago(seconds: float) -> datetime:
    return now() - timedelta(seconds=seconds)
