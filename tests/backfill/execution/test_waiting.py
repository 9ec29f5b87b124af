"""A warehouse that names the time from which it accepts a step: no retry is used up until then."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils.timezone import now

from backfill.execution import dispatch, sweep
from backfill.jobs.lifecycle import pause_job, resume_due, resume_job
from backfill.models import Job
from backfill.status.attention import attention_items
from backfill.warehouse import warehouse
from backfill.warehouse.bigquery.errors import after_midnight, sorted_error
from tests.backfill.working import batch_of, job_events, make_job, run_all, run_batch, statuses
from tests.seasons.tiny import SECOND

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("season"), pytest.mark.database]

QUOTA = "usageQuotaExceeded", "Custom quota exceeded: Your usage exceeded QueryUsagePerDay"
STREAMED = "invalidQuery", "UPDATE or DELETE statement would affect rows in the streaming buffer"


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that makes every statement meet this error of BigQuery."""

    def meet(reason: str, message: str) -> None:
        def refuse(*args: Any) -> None:
            raise sorted_error(reason, message)

        monkeypatch.setattr(type(warehouse()), "stage", refuse)

    return meet


def stopped_by_quota(closed: Callable[..., None]) -> Job:
    job = make_job(processors=("PSZA",), end=SECOND)
    closed(*QUOTA)
    dispatch.dispatch()
    run_batch(job, 0)
    job.refresh_from_db()
    return job


def test_a_daily_quota_pauses_the_job_until_midnight_pacific(
    closed: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = stopped_by_quota(closed)
    reset = after_midnight(datetime.now(UTC))
    batch = batch_of(job, 0)
    assert (job.status, job.retries, statuses(job)) == ("paused", 0, {"pending": 2})
    assert (batch.status, batch.retries, batch.retry_at) == ("waiting", 0, reset)
    [item] = attention_items(now())
    assert item.reason.startswith(f"WarehouseClosed: until {reset:%Y-%m-%d %H:%M} UTC, a custom")
    assert resume_due(reset - timedelta(seconds=1)) == 0
    monkeypatch.undo()
    monkeypatch.setattr(sweep, "now", lambda: reset)
    sweep.sweep_lost_work()
    assert run_all(job).status == "succeeded"
    assert ("paused → queued", "the daily quota is reset") in job_events(job)


@pytest.mark.shell
def test_a_job_resumes_earlier_when_a_person_does_it(
    closed: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = stopped_by_quota(closed)
    monkeypatch.undo()
    resume_job(job, "ann", "the quota is raised")
    assert run_all(job).status == "succeeded"


def test_a_pause_by_a_person_is_not_ended_by_the_reset(
    closed: Callable[..., None],
) -> None:
    job = stopped_by_quota(closed)
    resume_job(job, "ann")
    run_all(job)  # meets the quota again
    resume_job(job, "ann")
    pause_job(job, "ann", "not today")
    assert resume_due(now() + timedelta(days=2)) == 0


@pytest.mark.shell
def test_streamed_rows_are_waited_for_and_the_job_goes_on(
    closed: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(processors=("PSZA",), end=SECOND)
    closed(*STREAMED)
    dispatch.dispatch()
    for _ in range(9):  # more than the automatic retries
        run_batch(job, 0)
        batch = batch_of(job, 0)
        assert batch.retry_at
        assert timedelta(minutes=3) < batch.retry_at - now() < timedelta(minutes=5)
        assert (batch.status, batch.retries) == ("waiting", 0)
        dispatch.dispatch()
        assert batch_of(job, 0).status == "waiting"  # not due yet
        batch.send(now())
    job.refresh_from_db()
    assert (job.status, job.retries) == ("running", 0)
    monkeypatch.undo()
    assert run_all(job).status == "succeeded"
