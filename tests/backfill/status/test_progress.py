from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils.timezone import now

from backfill import backoff
from backfill.execution import dispatch
from backfill.execution.claims import claim_step
from backfill.execution.sweep import sweep_lost_work
from backfill.jobs.lifecycle import pause_job
from backfill.models import Event, Job
from backfill.processors.registry import CHAIN
from backfill.status.progress import NO_WORKER, TimeLeft, progress, system
from tests.backfill.working import ago, batch_of, make_job, make_worker, run_all, run_batch, step
from tests.seasons.tiny import BOOTSTRAP, FIRST, SECOND

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("season"), pytest.mark.database]

NOON = datetime(2022, 1, 1, 12, tzinfo=UTC)


def reasons(job: Job, at: datetime | None = None) -> list[tuple[str, int]]:
    job.refresh_from_db()
    return [(w["why"], w["batches"]) for w in progress(job, at or now()).waiting]


# Counts


@pytest.mark.shell
def test_the_denominator_is_the_plan() -> None:
    run_all(make_job(end=FIRST))
    job = make_job(start=BOOTSTRAP[-1])
    found = progress(job, now())
    assert (found.total, found.ended, found.counts) == (20, 0, {"pending": 20})
    assert run_all(job).status == "succeeded"
    found = progress(job, now())
    assert (found.total, found.ended, found.counts) == (20, 20, {"skipped": 5, "complete": 15})


def test_counts_are_by_processor_and_state() -> None:
    job = make_job(end=SECOND)
    dispatch.dispatch()
    step(batch_of(job, 0), "PSZA")
    found = progress(job, now())
    assert found.per_processor["PSZA"] == {"complete": 1, "pending": 1}
    assert (found.per_processor["TDZA"], found.ended, found.waiting) == (
        {"pending": 2},
        1,
        found.waiting,
    )
    assert found.as_json()["seconds"].keys() >= {"query", "write"}


def test_measuring_asks_as_often_whatever_the_size_of_the_job(
    django_assert_max_num_queries: Any,
) -> None:
    for job in (make_job(end=FIRST, processors=("TDZA",)), make_job(processors=CHAIN[1:])):
        with django_assert_max_num_queries(16):
            progress(job, now())


# Rate and time left


def timed(
    job: Job, seconds_per_step: float, at: datetime = NOON, processors: tuple[str, ...] = ("TDZA",)
) -> datetime:
    """Set run times as if the batches ran one after the other, with a fixed duration per step.

    Returns the end time.
    """
    Event.objects.filter(job=job, action="queued → running").update(at=at)
    for batch in job.batches.filter(status="ended").order_by("number"):
        for code in processors:
            end = at + timedelta(seconds=seconds_per_step)
            job.runs.filter(batch=batch.number, processor=code).update(
                started_at=at, finished_at=end
            )
            at = end
    return at


def half_done(**options: Any) -> Job:
    """Make a TDZA job with six of ten dates complete."""
    options = {
        "start": BOOTSTRAP[0],
        "processors": ("TDZA",),
        "parallel": 1,
        "batch_size": 3,
        **options,
    }
    job = make_job(**options)
    dispatch.dispatch()
    for number in (0, 1, 2):
        run_batch(job, number)
    return job


def test_the_rate_and_the_time_left_are_the_jobs_own() -> None:
    worker = make_worker()
    job = half_done()
    at = timed(job, 6.0)
    found = progress(job, at)
    assert (found.ended, found.total, found.runs_per_second) == (9, 18, 0.5)
    assert found.time_left == TimeLeft(18.0, 18.0)
    worker.delete()
    assert progress(job, at).time_left is None  # nothing continues without a worker


def test_the_time_left_is_a_range_when_steps_differ() -> None:
    make_worker()
    job = half_done()
    at = timed(job, 6.0)
    job.runs.filter(batch=2).update(finished_at=at + timedelta(seconds=6))
    found = progress(job, at)
    assert found.time_left == TimeLeft(18.0, 36.0)


def test_the_time_left_is_blank_until_enough_dates_are_done() -> None:
    job = make_job(start=BOOTSTRAP[0], processors=("TDZA",), parallel=1, batch_size=3)
    dispatch.dispatch()
    run_batch(job, 0)
    assert progress(job, now()).time_left is None


def test_a_pause_takes_no_part_in_the_rate() -> None:
    job = half_done()
    at = timed(job, 6.0)
    went_on = at + timedelta(hours=1)
    Event.objects.create(
        job=job, actor="bob", action="paused → running", to_state="running", at=went_on
    )
    assert progress(job, went_on).runs_per_second is None
    job.runs.filter(batch=2).update(started_at=went_on, finished_at=went_on + timedelta(seconds=3))
    assert progress(job, went_on).runs_per_second == 1.0


@pytest.mark.shell
def test_a_job_that_has_ended_has_no_time_left() -> None:
    job = run_all(make_job(start=BOOTSTRAP[0], processors=("TDZA",)))
    assert progress(job, now()).time_left is None


# Reasons for waiting batches


def test_without_workers_it_says_so() -> None:
    job = make_job()
    assert reasons(job) == [(NO_WORKER, 4)]


def test_every_reason_in_words(settings: Any) -> None:
    settings.MAX_PARALLEL_BATCHES = 3
    make_worker(claims=["x"])
    job = make_job(parallel=1)
    assert reasons(job)[0] == ("starting soon", 4)
    dispatch.dispatch()
    sent = "queued for a worker"
    own = "concurrency limit reached: 1 batch in flight of this job"
    assert reasons(job) == [(sent, 1), (own, 3)]
    claim_step(batch_of(job, 0), "PSZA", "x", "worker")
    assert reasons(job) == [(own, 3)]
    pause_job(job, "bob")
    assert reasons(job) == [("the job is pausing", 3)]


def test_the_canary_and_the_cap_in_all_are_reasons(settings: Any) -> None:
    settings.MAX_PARALLEL_BATCHES = 1
    make_worker()
    first = make_job(processors=("TDZA",), canary=True)
    second = make_job(processors=("PSZA",))
    dispatch.dispatch()
    assert reasons(first)[1] == (f"waiting for the canary {FIRST}", 3)
    assert reasons(second) == [("concurrency limit reached: 1 batch in flight of all jobs", 4)]


def test_a_retry_later_is_a_reason_with_its_seconds() -> None:
    make_worker()
    job = make_job(end=FIRST)
    at = now()
    job.batches.update(
        retry_at=at + timedelta(seconds=7),
        reason="retry 1 of 5 in 9.0 s: WarehouseBusy: over quota",
    )
    assert reasons(job, at) == [
        ("retry 1 of 5 in 9.0 s: WarehouseBusy: over quota; next attempt in 7 s", 1)
    ]


# Stalled


def test_a_job_in_which_nothing_changes_is_stalled_and_says_why() -> None:
    job = make_job()
    Event.objects.update(at=ago(600))
    assert progress(job, now()).stalled == f"no progress for 10 min: {NO_WORKER}"


def test_a_step_that_runs_too_long_is_a_stall() -> None:
    job = make_job(end=FIRST)
    make_worker()
    dispatch.dispatch()
    claim_step(batch_of(job, 0), "PSZA", "x", "worker")
    Event.objects.update(at=ago(600))
    job.refresh_from_db()
    assert (
        progress(job, now()).stalled
        == "no progress for 10 min: a step exceeds its expected duration"
    )


@pytest.mark.parametrize("status", ["paused", "succeeded", "failed", "cancelled"])
def test_a_job_that_has_stopped_is_not_stalled(status: str) -> None:
    job = make_job()
    Event.objects.update(at=ago(600))
    Job.objects.update(status=status)
    job.refresh_from_db()
    assert progress(job, now()).stalled == ""


# The system


def test_the_system_tells_its_workers_its_sweep_and_its_cap() -> None:
    assert system(now())["swept_seconds_ago"] is None
    make_job()
    sweep_lost_work()
    make_worker(claims=["x", "y"])
    found = system(now())
    assert (found["max_parallel_batches"], found["batches_in_flight"]) == (1, 1)
    (worker,) = found["workers"]
    assert (worker["alive"], worker["steps"], worker["seen_seconds_ago"] < 30) == (True, 2, True)
    assert 0 <= found["swept_seconds_ago"] < 30


def test_a_silent_worker_is_not_alive() -> None:
    make_worker(seen_at=ago(999))
    assert [w["alive"] for w in system(now())["workers"]] == [False]


# Backoff


def test_retries_wait_twice_as_long_each_time_and_never_longer_than_the_longest() -> None:
    assert [backoff.delay_seconds(n, 1.0) for n in range(4)] == [2.0, 4.0, 8.0, 16.0]
    assert [backoff.delay_seconds(n, 0.0) for n in range(4)] == [1.0, 2.0, 4.0, 8.0]
    assert backoff.delay_seconds(50, 1.0) == backoff.LONGEST_SECONDS


def test_retries_end_for_the_batch_and_for_the_job() -> None:
    assert backoff.may_retry(0, 0, 20) == ""
    assert backoff.may_retry(5, 0, 20) == "tried again 5 times"
    assert backoff.may_retry(0, 20, 20) == "the job's 20 automatic retries are used up"
