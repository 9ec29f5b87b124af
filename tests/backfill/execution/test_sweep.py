from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from backfill import process_id
from backfill.execution import dispatch, heartbeat, silence, sweep
from backfill.execution.claims import claim_step
from backfill.jobs.lifecycle import cancel_job, pause_job, resume_job
from backfill.jobs.start import start_job
from backfill.models import Batch, Job, Run, Sweep, Worker
from backfill.process_id import this_process
from tests.backfill.working import (
    DEAD,
    ELSEWHERE,
    ago,
    batch_of,
    in_flight,
    job_events,
    make_job,
    make_worker,
    run_all,
    run_batch,
    statuses,
    step,
)  # fmt: skip
from tests.seasons.tiny import FIRST, make_options

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("season"), pytest.mark.database]
LOST = "lost by Redis or a worker"


def claimed_by(worker: str, since: datetime | None = None, **options: Any) -> Job:
    """Make a job in which a worker holds PSZA on the first date."""
    job = make_job(**options)
    dispatch.dispatch()
    assert claim_step(batch_of(job, 0), "PSZA", "a claim", "worker")
    Run.objects.filter(job=job, status="running").update(worker=worker, started_at=since or ago(5))
    return job


def touched(job: Job, at: datetime) -> None:
    job.batches.update(touched_at=at)


# Runs of dead workers


def test_the_runs_of_a_dead_process_are_put_back_and_its_batch_is_sent_again() -> None:
    job = claimed_by(DEAD)
    lease = batch_of(job, 0).lease
    assert sweep.sweep_lost_work() == 1
    run = job.runs.get(processor="PSZA", date=FIRST)
    assert (run.status, run.claim, run.worker, run.losses) == ("pending", "", "", 1)
    assert [e.action for e in run.events.order_by("pk")] == [
        "pending → running",
        "running → pending",
    ]
    batch = batch_of(job, 0)
    assert (batch.status, batch.lease not in ("", lease)) == ("in flight", True)
    assert ("batch 0 requeued", f"worker died ({DEAD})") in job_events(job)
    assert run_all(job).status == "succeeded"


def test_the_runs_of_a_silent_worker_on_another_host_are_put_back() -> None:
    job = claimed_by(ELSEWHERE, ago(100))
    make_worker(seen_at=ago(60), claims=["a claim"])
    assert sweep.sweep_lost_work() == 1
    assert statuses(job) == {"pending": 20}
    assert not Worker.objects.exists()


def test_the_runs_of_a_worker_that_said_goodbye_are_put_back() -> None:
    job = claimed_by(ELSEWHERE)
    assert sweep.sweep_lost_work() == 1
    assert statuses(job) == {"pending": 20}


def test_a_run_that_its_living_worker_no_longer_holds_is_put_back() -> None:
    job = claimed_by(ELSEWHERE, ago(5))
    make_worker(claims=["another claim"])
    assert sweep.sweep_lost_work() == 1
    assert ("batch 0 requeued", f"worker dropped its claim ({ELSEWHERE})") in job_events(job)


def test_a_heartbeat_from_before_the_claim_says_nothing_about_it() -> None:
    job = claimed_by(ELSEWHERE, ago(1))
    make_worker(seen_at=ago(2), claims=[])
    assert sweep.sweep_lost_work() == 0
    assert statuses(job)["running"] == 1


def test_the_runs_of_a_worker_that_holds_them_are_left_alone() -> None:
    job = claimed_by(ELSEWHERE)
    make_worker(claims=["a claim"])
    touched(job, ago(1000))
    lease = batch_of(job, 0).lease
    assert sweep.sweep_lost_work() == 0
    assert (statuses(job)["running"], batch_of(job, 0).lease) == (1, lease)


def test_the_lost_runs_of_a_job_that_is_being_cancelled_are_cancelled() -> None:
    job = claimed_by(DEAD)
    cancel_job(job, "bob")
    sweep.sweep_lost_work()
    job.refresh_from_db()
    assert (job.status, statuses(job)) == ("cancelled", {"cancelled": 20})


def test_the_lost_runs_of_a_pausing_job_wait_in_a_paused_one() -> None:
    job = claimed_by(DEAD)
    pause_job(job, "bob")
    sweep.sweep_lost_work()
    job.refresh_from_db()
    assert (job.status, statuses(job), in_flight(job)) == ("paused", {"pending": 20}, [])


# Batches lost by Redis


def test_a_batch_that_nobody_touches_while_a_worker_is_idle_is_sent_again() -> None:
    job = make_job(parallel=1)
    dispatch.dispatch()
    touched(job, ago(20))
    make_worker()
    lease = batch_of(job, 0).lease
    assert sweep.sweep_lost_work() == 1
    assert ("batch 0 requeued", LOST) in job_events(job)
    assert batch_of(job, 0).lease not in ("", lease)
    assert sweep.sweep_lost_work() == 0


@pytest.mark.parametrize(("seconds", "claims"), [(20, ["another job's"]), (4, [])])
def test_a_batch_that_may_be_on_its_way_is_not(seconds: int, claims: list[str]) -> None:
    """Covers busy workers and a batch that was sent a moment ago."""
    job = make_job(parallel=1)
    dispatch.dispatch()
    touched(job, ago(seconds))
    make_worker(claims=claims)
    assert (sweep.sweep_lost_work(), in_flight(job)) == (0, [0])


def test_without_a_worker_nothing_is_lost_yet() -> None:
    job = make_job(parallel=1)
    dispatch.dispatch()
    touched(job, ago(9999))
    assert (sweep.sweep_lost_work(), in_flight(job)) == (0, [0])


def test_the_first_worker_to_start_finds_at_once_what_was_on_its_way_before_it() -> None:
    job = make_job(parallel=1)
    dispatch.dispatch()
    touched(job, ago(3))
    make_worker(started_at=ago(1))
    assert sweep.sweep_lost_work(started=ago(2)) == 1
    assert ("batch 0 requeued", LOST) in job_events(job)


def test_a_second_worker_that_starts_leaves_the_firsts_work_alone() -> None:
    job = make_job(parallel=1)
    dispatch.dispatch()
    touched(job, ago(3))
    make_worker(started_at=ago(100))
    assert sweep.sweep_lost_work(started=ago(2)) == 0


@pytest.mark.shell
def test_a_batch_in_the_middle_of_which_the_chain_broke_is_sent_again_and_nothing_runs_twice() -> (
    None
):
    job = make_job(parallel=1, end=FIRST)
    dispatch.dispatch()
    for code in ("TDZA", "PSZA"):
        step(batch_of(job, 0), code)
    touched(job, ago(20))
    make_worker()
    sweep.sweep_lost_work()
    assert run_all(job).status == "succeeded"
    assert {e.action for e in job.runs.get(processor="TDZA").events.all()} == {
        "pending → running",
        "running → complete",
    }


# Jobs whose last step was lost


def test_a_job_whose_runs_have_all_ended_ends() -> None:
    job = make_job(end=FIRST)
    dispatch.dispatch()
    job.runs.update(status="complete")
    assert sweep.sweep_lost_work() == 1
    job.refresh_from_db()
    assert (job.status, batch_of(job, 0).status) == ("succeeded", "ended")
    assert job.events.filter(run=None).last().actor == "sweep"


def test_a_job_that_was_never_rung_is_sent() -> None:
    job = make_job()
    assert (in_flight(job), sweep.sweep_lost_work(), in_flight(job)) == ([], 0, [0])


def test_a_batch_that_waits_for_a_retry_is_sent_when_it_is_due() -> None:
    job = make_job(parallel=1)
    Batch.objects.filter(job=job).update(retry_at=ago(-60))
    sweep.sweep_lost_work()
    assert in_flight(job) == []
    Batch.objects.filter(job=job).update(retry_at=ago(1))
    sweep.sweep_lost_work()
    assert in_flight(job) == [0]


@pytest.mark.shell
def test_an_inline_job_whose_process_died_is_paused_and_says_so() -> None:
    job = start_job(make_options(end=FIRST), "ann", inline=True)
    assert job
    job.transition(("queued",), "running", actor="ann")
    job.runs.filter(processor="PSZA").update(status="running", worker=DEAD)
    Job.objects.filter(pk=job.pk).update(owner=DEAD)
    sweep.sweep_lost_work()
    job.refresh_from_db()
    assert (job.status, statuses(job)) == ("paused", {"pending": 5})
    assert (
        "running → pausing",
        "process ended; resume the job, or run the same command again",
    ) in job_events(job)
    resume_job(job, "bob")
    assert run_all(job).status == "succeeded"


def test_an_inline_job_whose_process_lives_is_left_alone() -> None:
    job = start_job(make_options(end=FIRST), "ann", inline=True)
    assert job
    assert (job.owner, sweep.sweep_lost_work(), job.status) == (this_process(), 0, "queued")


def test_one_job_that_cannot_be_swept_does_not_keep_the_others_from_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bad, good = make_job(processors=("TDZA",), end=FIRST), make_job(processors=("PSZA",), end=FIRST)
    good.runs.update(status="complete")
    settle = dispatch.settle_job

    def refuse(job: Job, *args: str) -> None:
        if job.pk == bad.pk:
            raise ZeroDivisionError
        settle(job, *args)

    monkeypatch.setattr(dispatch, "settle_job", refuse)
    sweep.sweep_lost_work()
    good.refresh_from_db()
    assert good.status == "succeeded"


def test_sweeping_again_finds_nothing() -> None:
    job = claimed_by(DEAD)
    assert [sweep.sweep_lost_work(), sweep.sweep_lost_work()] == [1, 0]
    assert statuses(job) == {"pending": 20}


# Logs and events


def test_the_sweep_says_when_it_was_there(season: Path) -> None:
    sweep.sweep_lost_work()
    sweep.sweep_lost_work()
    (swept,) = Sweep.objects.all()
    assert (ago(30) < swept.at, 0 <= swept.seconds < 30) == (True, True)


def test_a_heartbeat_names_what_the_process_holds() -> None:
    with heartbeat.holding("a claim"):
        heartbeat.beat(Worker.Kind.WORKER)
    (worker,) = Worker.objects.all()
    assert (worker.name, worker.kind, worker.claims) == (this_process(), "worker", ["a claim"])
    heartbeat.beat(Worker.Kind.WORKER)
    worker.refresh_from_db()
    assert (worker.claims, Worker.objects.count()) == ([], 1)
    heartbeat.stop()
    assert not Worker.objects.exists()


@pytest.mark.shell
def test_a_job_that_runs_its_batches_leaves_nothing_to_sweep() -> None:
    job = make_job(parallel=1, end=FIRST)
    dispatch.dispatch()
    run_batch(job, 0)
    assert sweep.sweep_lost_work() == 0


# Silent workers of this host


@pytest.fixture
def stopped_process(settings: Any) -> Iterator[str]:
    """A process of this host that was stopped, by the name of its heartbeat."""
    settings.HEARTBEAT_SECONDS = 0.1
    with subprocess.Popen(["sleep", "600"]) as process:
        process.send_signal(signal.SIGSTOP)
        start = process_id._started(process.pid)
        yield f"{socket.gethostname()} {process.pid} {start}"
        process.kill()


def test_a_silent_worker_of_this_host_is_killed_before_its_runs_are_put_back(
    stopped_process: str,
) -> None:
    job = claimed_by(stopped_process)
    make_worker(stopped_process, seen_at=ago(100), claims=["a claim"])
    assert sweep.sweep_lost_work() == 1
    assert process_id.is_gone(stopped_process)
    assert job.runs.get(processor="PSZA", date=FIRST).status == "pending"
    assert not Worker.objects.exists()


def test_a_live_worker_survives_a_clock_change(
    stopped_process: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its next heartbeat comes while the sweep waits, with a time from the future."""
    claimed_by(stopped_process)
    worker = make_worker(stopped_process, seen_at=ago(3600), claims=["a claim"])

    def beat(seconds: float) -> None:
        Worker.objects.filter(pk=worker.pk).update(seen_at=ago(seconds - 3600))

    monkeypatch.setattr(silence.time, "sleep", beat)
    assert sweep.sweep_lost_work() == 0
    assert not process_id.is_gone(stopped_process)


@pytest.mark.parametrize(("is_owner", "is_killed"), [(True, False), (False, True)])
def test_a_suspended_inline_process_is_killed_once_its_job_has_ended(
    stopped_process: str, is_owner: bool, is_killed: bool
) -> None:
    make_worker(stopped_process, seen_at=ago(100), kind="inline")
    job = make_job()
    Job.objects.filter(pk=job.pk).update(owner=stopped_process if is_owner else "")
    sweep.sweep_lost_work()
    assert process_id.is_gone(stopped_process) == is_killed
