from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils.timezone import now

from backfill.backoff import MAX_TRIES
from backfill.errors import WarehouseBusy, WarehouseUnwritable
from backfill.execution import dispatch
from backfill.execution import step as steps
from backfill.execution.claims import claim_step
from backfill.jobs.lifecycle import resume_job
from backfill.models import Job, Limits, Run
from backfill.status import failures
from backfill.warehouse import warehouse
from backfill.warehouse.tables import PGS
from tests.backfill.working import (
    DEAD,
    batch_of,
    in_flight,
    job_events,
    make_job,
    run_all,
    run_batch,
    statuses,
    step,
)
from tests.seasons.tiny import FIRST, LAST, PROCESSING, SECOND, give, rows_of, season_rows

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("season"), pytest.mark.database]


# Sending


def test_a_job_for_the_workers_has_no_owner_and_a_batch_a_step() -> None:
    job = make_job()
    assert (job.status, job.owner) == ("queued", "")
    found = list(
        job.batches.order_by("number").values_list(
            "number", "first_date", "last_date", "status", "lease"
        )
    )
    assert found == [(n, day, day, "waiting", "") for n, day in enumerate(PROCESSING)]


def test_as_many_batches_are_sent_as_the_jobs_cap_allows(settings: Any) -> None:
    settings.MAX_PARALLEL_BATCHES = 9
    job = make_job(parallel=3)
    dispatch.dispatch()
    assert in_flight(job) == [0, 1, 2]
    leases = set(job.batches.exclude(lease="").values_list("lease", flat=True))
    assert len(leases) == 3
    dispatch.dispatch()
    assert (in_flight(job), set(job.batches.exclude(lease="").values_list("lease", flat=True))) == (
        [0, 1, 2],
        leases,
    )


def test_the_cap_in_all_holds_over_all_jobs_and_each_gets_its_share(settings: Any) -> None:
    settings.MAX_PARALLEL_BATCHES = 3
    jobs = [make_job(processors=(code,), parallel=3) for code in ("TDZA", "PSZA")]
    for _ in range(2):
        dispatch.dispatch()
        assert [in_flight(job) for job in jobs] == [[0, 1], [0]]


def test_a_live_job_goes_before_backfills(settings: Any) -> None:
    settings.MAX_PARALLEL_BATCHES = 1
    backfill = make_job(processors=("TDZA",))
    live = make_job(processors=("PSZA",), mode="normal")
    dispatch.dispatch()
    assert (in_flight(backfill), in_flight(live)) == ([], [0])


@pytest.mark.shell
def test_the_end_of_a_batch_sends_the_next() -> None:
    job = make_job(parallel=1)
    dispatch.dispatch()
    run_batch(job, 0)
    assert in_flight(job) == [1]


@pytest.mark.shell
def test_a_job_runs_to_its_end_by_itself() -> None:
    job = run_all(make_job())
    assert (job.status, statuses(job)) == ("succeeded", {"complete": 20})
    assert [what for what, _ in job_events(job)] == [
        "queued",
        "queued → running",
        "running → succeeded",
    ]
    assert set(job.batches.values_list("status", "lease")) == {("ended", "")}
    assert len(rows_of("ML")) == 8


def test_newest_first_sends_the_last_dates_first() -> None:
    job = make_job(newest_first=True)
    dispatch.dispatch()
    assert [batch_of(job, n).first_date for n in in_flight(job)] == [LAST]


def test_a_job_is_queued_until_a_worker_takes_a_step() -> None:
    job = make_job()
    dispatch.dispatch()
    job.refresh_from_db()
    assert job.status == "queued"
    step(batch_of(job, 0), "TDZA")
    job.refresh_from_db()
    assert (job.status, job.started_at is not None) == ("running", True)


# Canary and pause on error


def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Break every statement with an unexpected exception."""

    def divide(*args: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(steps.execute, "execute", divide)


@pytest.mark.shell
def test_the_canary_runs_alone_and_then_the_others(settings: Any) -> None:
    settings.MAX_PARALLEL_BATCHES = 9
    job = make_job(canary=True, parallel=9)
    dispatch.dispatch()
    assert (in_flight(job), batch_of(job, 0).first_date) == ([0], FIRST)
    run_batch(job, 0)
    assert in_flight(job) == [1, 2, 3]


def test_the_canary_of_a_job_with_large_batches_is_one_date() -> None:
    job = make_job(canary=True, batch_size=4)
    assert list(job.batches.order_by("number").values_list("first_date", "last_date")) == [
        (FIRST, FIRST),
        (SECOND, LAST),
    ]


@pytest.mark.parametrize(
    ("options", "pauses"),
    [
        ({"canary": True, "brake": True}, "canary"),
        ({"canary": True}, "canary"),
        ({"brake": True}, "pause on error"),
        ({}, ""),
    ],
)
def test_a_bug_pauses_the_job_with_one_event_that_says_what_and_where(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, bool], pauses: str
) -> None:
    job = make_job(processors=("PSZA",), **options)
    dispatch.dispatch()
    broken(monkeypatch)
    run_batch(job, 0)
    job.refresh_from_db()
    assert job.status == ("paused" if pauses else "running")
    reason = [reason for what, reason in job_events(job) if what == "running → pausing"]
    assert reason == ([f"{pauses}: PSZA {FIRST}: ZeroDivisionError: by zero"] if pauses else [])


@pytest.mark.shell
def test_after_the_canary_its_brake_is_no_longer_on(monkeypatch: pytest.MonkeyPatch) -> None:
    job = make_job(processors=("PSZA",), canary=True)
    dispatch.dispatch()
    run_batch(job, 0)
    broken(monkeypatch)
    run_batch(job, 1)
    job.refresh_from_db()
    assert job.status == "running"


@pytest.mark.shell
def test_an_impossible_value_is_a_bug_and_says_how_many_entities(tmp_path: Any) -> None:
    give(
        PGS,
        [{**row, "paint_makes": row["paint_attempts"] + 1} for row in season_rows(PGS)],
        tmp_path,
    )
    job = make_job(processors=("PSZA",), brake=True)
    dispatch.dispatch()
    run_batch(job, 0)
    assert (
        "running → pausing",
        f"pause on error: PSZA {FIRST}: 2 PROCESSING_ERROR of 2 entities",
    ) in job_events(job)


def test_a_poisoned_file_is_no_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(
        status="failed",
        error="CorruptPartition",
        reason="CorruptPartition: x is not a whole Parquet file",
        failures={},
    )
    assert failures.bug_of(run) == ""


def test_resuming_after_the_brake_goes_on_where_it_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    job = make_job(brake=True)
    dispatch.dispatch()
    broken(monkeypatch)
    step(batch_of(job, 0), "TDZA")
    monkeypatch.undo()
    resume_job(job, "bob")
    job = run_all(job)
    assert (job.status, statuses(job)) == ("failed", {"failed": 1, "blocked": 3, "complete": 16})


# Claims


def test_a_task_that_comes_twice_runs_once() -> None:
    job = make_job()
    dispatch.dispatch()
    batch = batch_of(job, 0)
    assert [step(batch, "PSZA"), step(batch, "PSZA")] == [1, 0]


def test_a_task_with_an_old_lease_does_nothing() -> None:
    job = make_job()
    dispatch.dispatch()
    late, new = batch_of(job, 0), batch_of(job, 0)
    new.send(now())
    assert (step(late, "TDZA"), statuses(job)) == (0, {"pending": 20})
    assert step(new, "TDZA") == 1


def test_a_step_does_not_start_before_its_upstream_has_ended() -> None:
    job = make_job()
    dispatch.dispatch()
    batch = batch_of(job, 0)
    step(batch, "TDZA")
    assert step(batch, "PCF") == 0
    step(batch, "PSZA")
    assert step(batch, "PCF") == 1


def test_a_task_that_comes_again_takes_the_runs_of_its_dead_worker() -> None:
    job = make_job()
    dispatch.dispatch()
    batch = batch_of(job, 0)
    assert claim_step(batch, "PSZA", "dead claim", "worker")
    job.runs.filter(processor="PSZA", date=FIRST).update(worker=DEAD)
    assert step(batch, "PSZA") == 1
    run = job.runs.get(processor="PSZA", date=FIRST)
    assert (run.status, run.losses, run.claim) == ("complete", 1, "")


def test_an_attempt_that_was_taken_back_writes_and_records_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = make_job()
    dispatch.dispatch()
    stage = type(warehouse()).stage

    def taken_back_meanwhile(*args: Any) -> None:
        stage(*args)
        dispatch.requeue(job, job.runs.all(), actor="sweep", reason="silent", cause="worker lost")

    monkeypatch.setattr(type(warehouse()), "stage", taken_back_meanwhile)
    assert step(batch_of(job, 0), "PSZA") == 0
    assert (rows_of("PSZA"), statuses(job)) == ([], {"pending": 20})


def test_an_attempt_that_loses_its_claim_during_the_run_history_records_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = make_job()
    dispatch.dispatch()
    record = type(warehouse()).record

    def lost_after_history(*args: Any) -> None:
        record(*args)
        dispatch.requeue(job, job.runs.all(), actor="sweep", reason="silent", cause="worker lost")

    monkeypatch.setattr(type(warehouse()), "record", lost_after_history)
    assert step(batch_of(job, 0), "PSZA") == 0
    assert statuses(job) == {"pending": 20}


def test_a_run_that_has_cost_many_workers_fails_and_the_others_go_on() -> None:
    job = make_job(batch_size=2)
    dispatch.dispatch()
    assert claim_step(batch_of(job, 0), "PSZA", "c", "worker")
    job.runs.filter(processor="PSZA", date=FIRST).update(losses=dispatch.MOST_LOSSES - 1)
    assert dispatch.requeue_lost(job, job.runs.all(), actor="sweep", reason="its worker died") == 2
    found = dict(job.runs.filter(processor="PSZA", batch=0).values_list("date", "status"))
    assert found == {FIRST: "failed", SECOND: "pending"}
    failed = job.runs.get(status="failed")
    assert (failed.error, failed.reason.partition(",")[0]) == ("WorkerLost", "its worker died")
    assert failures.bug_of(failed)


def test_a_run_says_which_code_and_which_statement_made_it() -> None:
    job = run_all(make_job(processors=("PSZA",), end=FIRST))
    (run,) = job.runs.all()
    assert (run.code_version, run.sql_hash) == (job.code_version, job.sql_hashes["PSZA"])
    assert run.worker


# A busy warehouse


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Return a function that makes the next statements find the warehouse busy, so many times."""
    stage = type(warehouse()).stage
    left = [0]

    def refuse(*args: Any) -> None:
        if left[0]:
            left[0] -= 1
            raise WarehouseBusy("over quota")
        stage(*args)

    def times(n: int) -> None:
        left[0] = n

    monkeypatch.setattr(type(warehouse()), "stage", refuse)
    return times


def due(job: Job) -> None:
    """Move the retry time of waiting batches into the past."""
    job.batches.exclude(retry_at=None).update(retry_at=now() - timedelta(seconds=1))


@pytest.mark.shell
def test_a_busy_warehouse_is_tried_again_later_and_others_go_on_meanwhile(
    busy: Callable[[int], None],
) -> None:
    job = make_job(processors=("PSZA",), parallel=1)
    dispatch.dispatch()
    busy(1)
    before = now()
    run_batch(job, 0)
    waiting = batch_of(job, 0)
    assert (waiting.status, waiting.retries, waiting.reason.startswith("retry 1 of 5 in ")) == (
        "waiting",
        1,
        True,
    )
    assert waiting.retry_at is not None
    assert before + timedelta(seconds=1) <= waiting.retry_at <= now() + timedelta(seconds=2)
    assert in_flight(job) == [1]
    due(job)
    job = run_all(job)
    assert (job.status, job.retries, statuses(job)) == ("succeeded", 1, {"complete": 4})


@pytest.mark.shell
def test_a_warehouse_that_stays_busy_fails_the_dates_in_the_end(
    busy: Callable[[int], None],
) -> None:
    job = make_job(processors=("PSZA",), end=FIRST)
    busy(99)
    for _ in range(MAX_TRIES + 1):
        due(job)
        run_all(job)
    job.refresh_from_db()
    (run,) = job.runs.all()
    assert (job.status, run.status, run.error) == ("failed", "failed", "WarehouseBusy")
    assert run.reason == f"WarehouseBusy: over quota (tried again {MAX_TRIES} times)"
    assert failures.bug_of(run) == ""


@pytest.mark.shell
def test_a_jobs_retries_have_a_cap(busy: Callable[[int], None]) -> None:
    job = make_job(processors=("PSZA",), max_retries=2, parallel=1)
    busy(3)
    run_all(job)
    due(job)
    run_all(job)
    due(job)
    job = run_all(job)
    assert (job.status, job.retries) == ("failed", 2)
    assert [r.reason for r in job.runs.filter(status="failed")] == [
        "WarehouseBusy: over quota (the job's 2 automatic retries are used up)"
    ]


def test_what_is_not_retryable_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    job = make_job(processors=("PSZA",), end=FIRST)
    broken(monkeypatch)
    job = run_all(job)
    assert (job.retries, [r.error for r in job.runs.all()]) == (0, ["ZeroDivisionError"])


@pytest.mark.shell
def test_a_full_disk_pauses_the_job_and_gives_the_runs_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*args: object, **more: object) -> None:
        raise WarehouseUnwritable("no space left on device")

    job = make_job()
    dispatch.dispatch()
    monkeypatch.setattr(type(warehouse()), "replace", full)
    step(batch_of(job, 0), "PSZA")
    job.refresh_from_db()
    assert (job.status, statuses(job)) == ("paused", {"pending": 20})
    assert ("running → pausing", "WarehouseUnwritable: no space left on device") in job_events(job)
    monkeypatch.undo()
    resume_job(job, "bob")
    assert run_all(job).status == "succeeded"


# Number of database queries


@pytest.mark.parametrize("dates", [1, 4])
def test_a_step_asks_the_database_as_often_whatever_the_size_of_its_batch(
    django_assert_max_num_queries: Any, dates: int
) -> None:
    job = make_job(batch_size=dates, processors=("PSZA", "PCF"))
    dispatch.dispatch()
    batch = batch_of(job, 0)
    with django_assert_max_num_queries(QUERIES_PER_STEP):
        step(batch, "PSZA")


QUERIES_PER_STEP = 45


def test_the_first_dispatch_takes_the_cap_from_the_settings(settings: Any) -> None:
    settings.MAX_PARALLEL_BATCHES = 7
    make_job()
    dispatch.dispatch()
    assert Limits.current().max_parallel_batches == 7


def test_an_empty_dispatch_asks_one_question(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        dispatch.dispatch()
