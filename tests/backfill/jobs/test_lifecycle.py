"""Pause, resume, cancel and concurrency limit in every state of a job."""

from __future__ import annotations

from typing import Any

import pytest

from backfill.errors import Conflict, Refused
from backfill.execution import dispatch
from backfill.execution.claims import claim_step
from backfill.jobs.lifecycle import (
    Cancelled,
    cancel_job,
    change_limit,
    dropped_and_finishing,
    pause_job,
    resume_job,
)
from backfill.jobs.resumption import Resumption, resumption
from backfill.jobs.start import start_job
from backfill.models import Event, Job, Limits, Run
from backfill.status.job_summary import summarize
from tests.backfill.working import (
    batch_of,
    in_flight,
    job_events,
    make_job,
    run_all,
    run_batch,
    statuses,
    step,
)
from tests.seasons.tiny import FIRST, SECOND, make_options, rows_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("season"), pytest.mark.database]

STATES = (
    "queued",
    "running",
    "pausing",
    "paused",
    "cancelling",
    "cancelled",
    "succeeded",
    "failed",
)


def claimed(job: Job) -> None:
    """Make a worker claim PSZA on the first date."""
    dispatch.dispatch()
    assert claim_step(batch_of(job, 0), "PSZA", "a claim", "worker")


def job_in(state: str) -> Job:
    """Bring a job into this state by the usual transitions."""
    job = make_job(processors=("PSZA",), end=SECOND)
    if state in ("running", "pausing", "cancelling"):
        claimed(job)
    if state in ("pausing", "paused"):
        pause_job(job, "ann")
    if state in ("cancelling", "cancelled"):
        cancel_job(job, "ann")
    if state in ("succeeded", "failed"):
        run_all(job)
    if state == "failed":
        Job.objects.filter(pk=job.pk).update(status="failed")
    job.refresh_from_db()
    assert job.status == state
    return job


# Every verb in every state


PAUSES = {"queued": "paused", "running": "pausing"}
RESUMES = {"pausing": "running", "paused": "queued", "cancelled": "queued"}
CANCELS = {
    "queued": "cancelled",
    "running": "cancelling",
    "pausing": "cancelling",
    "paused": "cancelled",
}
FORCES = {**dict.fromkeys(CANCELS, "cancelled"), "cancelling": "cancelled"}
VERBS: dict[str, tuple[Any, dict[str, str]]] = {
    "pause": (lambda job: pause_job(job, "bob", "why not"), PAUSES),
    "resume": (lambda job: resume_job(job, "bob", "why not"), RESUMES),
    "cancel": (lambda job: cancel_job(job, "bob", "why not"), CANCELS),
    "force": (lambda job: cancel_job(job, "bob", "why not", force=True), FORCES),
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_moves_a_job_or_is_refused_in_one_sentence(verb: str, state: str) -> None:
    job = job_in(state)
    act, moves = VERBS[verb]
    before = Event.objects.count()
    if state in moves:
        act(job)
        job.refresh_from_db()
        assert job.status == moves[state]
        action = "force cancel" if (verb, state) == ("force", "cancelling") else state
        assert any(
            reason == "why not" and what.startswith(action) for what, reason in job_events(job)
        )
        return
    with pytest.raises(Refused) as refused:
        act(job)
    assert str(refused.value).startswith(f"job {job.pk} ")
    job.refresh_from_db()
    assert (job.status, Event.objects.count()) == (state, before)


@pytest.mark.shell
@pytest.mark.parametrize("state", ["paused", "cancelled"])
def test_what_was_stopped_goes_on_to_its_end(state: str) -> None:
    job = job_in(state)
    resume_job(job, "bob")
    job = run_all(job)
    assert (job.status, statuses(job), len(rows_of("PSZA"))) == ("succeeded", {"complete": 2}, 4)


# Pause


@pytest.mark.shell
def test_pausing_lets_the_running_step_finish_and_starts_no_other() -> None:
    job = make_job()
    dispatch.dispatch()
    batch = batch_of(job, 0)
    step(batch, "TDZA")
    assert claim_step(batch, "PSZA", "a claim", "worker")
    assert pause_job(job, "bob").status == "pausing"
    assert step(batch_of(job, 1), "TDZA") == 0
    assert statuses(job) == {"complete": 1, "running": 1, "pending": 18}
    job.runs.filter(status="running").update(status="complete", claim="")
    dispatch.finish_step(batch, batch.lease)
    job.refresh_from_db()
    assert (job.status, in_flight(job)) == ("paused", [])


def test_a_paused_job_holds_its_dates() -> None:
    job = job_in("paused")
    with pytest.raises(Conflict, match=rf"job {job.pk} \(ann, paused\) holds 2 runs"):
        start_job(make_options(processors=("PSZA",), end=SECOND), "bob")


def test_pausing_is_taken_back_before_it_has_paused() -> None:
    job = job_in("pausing")
    resume_job(job, "bob")
    job.refresh_from_db()
    assert job.status == "running"
    assert job.runs.get(status="running").claim == "a claim"


# Resume


def test_resume_changes_the_brake() -> None:
    job = job_in("paused")
    Job.objects.filter(pk=job.pk).update(brake=True, options={**job.options, "brake": True})
    job.refresh_from_db()
    assert resume_job(job, "bob", "known", brake=False).brake is False
    assert list(
        job.events.filter(kind="pause on error").values_list("action", "actor", "reason")
    ) == [("pause on error disabled", "bob", "known")]
    job.refresh_from_db()
    assert (job.options["brake"], job.in_force["brake"], summarize(job)["options"]["brake"]) == (
        True,
        False,
        False,
    )


def cancelled_overwrite(policy: str) -> Job:
    """Return a cancelled job that was to replace complete runs by this option."""
    job = job_in("cancelled")
    Job.objects.filter(pk=job.pk).update(options={**job.options, policy: True})
    return Job.objects.get(pk=job.pk)


def test_a_cancelled_job_whose_dates_another_one_took_cannot_be_resumed() -> None:
    job = job_in("cancelled")
    other = start_job(make_options(processors=("PSZA",), end=FIRST), "bob")
    assert other
    with pytest.raises(Conflict, match=f"another job claimed dates of job {job.pk}"):
        resume_job(job, "ann")
    job.refresh_from_db()
    assert (job.status, statuses(job)) == ("cancelled", {"cancelled": 2})


def test_what_another_job_has_completed_since_is_not_run_again() -> None:
    job = job_in("cancelled")
    run_all(make_job(processors=("PSZA",), end=FIRST))
    resume_job(job, "ann")
    job = run_all(job)
    assert list(job.runs.order_by("date").values_list("status", "reason")) == [
        ("skipped", "already complete"),
        ("complete", ""),
    ]


@pytest.mark.parametrize("policy", ["force", "outdated"])
def test_a_resumed_overwrite_keeps_what_another_job_has_completed_since(policy: str) -> None:
    job = cancelled_overwrite(policy)
    run_all(make_job(processors=("PSZA",), end=FIRST, force=True))
    assert resumption(job) == Resumption(runs=1, complete=1)
    resume_job(job, "ann")
    job = run_all(job)
    assert list(job.runs.order_by("date").values_list("status", "reason")) == [
        ("skipped", "already complete"),
        ("complete", ""),
    ]
    assert Run.objects.deciding(FIRST, FIRST)["PSZA", FIRST].job_id != job.pk


def test_a_resumed_overwrite_runs_what_is_stale_again() -> None:
    job = cancelled_overwrite("force")
    other = run_all(make_job(processors=("PSZA",), end=SECOND))
    with pytest.raises(Refused, match="no runs left to resume: another job has completed 2 runs"):
        resume_job(job, "ann")
    job.refresh_from_db()
    assert (job.status, statuses(job)) == ("cancelled", {"cancelled": 2})
    other.runs.filter(date=SECOND).update(input_signature="wolder")
    assert resumption(job) == Resumption(runs=1, complete=1)


@pytest.mark.shell
def test_what_a_resumed_job_makes_is_the_newest() -> None:
    """Resumed runs have older rows than those of the job that ran in between."""
    job = cancelled_overwrite("force")
    other = run_all(make_job(processors=("PSZA",), end=SECOND))
    other.runs.update(status="failed")
    resume_job(Job.objects.get(pk=job.pk), "ann")
    run_all(job)
    assert Run.objects.done(FIRST, SECOND) == {("PSZA", FIRST), ("PSZA", SECOND)}
    Run.objects.filter(job=job).update(status="failed")
    other.runs.update(status="complete")
    assert Run.objects.done(FIRST, SECOND) == set()


def test_a_job_that_was_cancelled_at_its_end_has_nothing_to_resume() -> None:
    job = job_in("cancelled")
    job.runs.update(status="complete")
    with pytest.raises(Refused, match=f"job {job.pk} has no runs left to resume"):
        resume_job(job, "bob")


# Cancel


def test_cancelling_says_how_many_are_dropped_and_how_many_finish() -> None:
    job = make_job()
    claimed(job)
    assert dropped_and_finishing(job) == Cancelled(dropped=19, finishing=1)
    assert cancel_job(job, "bob") == Cancelled(dropped=19, finishing=1)
    job.refresh_from_db()
    assert (job.status, statuses(job)) == ("cancelling", {"cancelled": 19, "running": 1})


def test_a_cancelling_job_has_been_cancelled_when_its_last_step_has_ended() -> None:
    job = make_job()
    dispatch.dispatch()
    batch = batch_of(job, 0)
    step(batch, "TDZA")
    assert claim_step(batch, "PSZA", "a claim", "worker")
    cancel_job(job, "bob")
    job.runs.filter(status="running").update(status="complete")
    dispatch.finish_step(batch, batch.lease)
    job.refresh_from_db()
    assert (job.status, job.finished_at is not None, statuses(job)) == (
        "cancelled",
        True,
        {"complete": 2, "cancelled": 18},
    )
    assert {b.status for b in job.batches.all()} == {"ended"}


def test_force_stops_what_runs_and_its_worker_records_nothing() -> None:
    job = make_job()
    dispatch.dispatch()
    attempt = claim_step(batch_of(job, 0), "PSZA", "a claim", "worker")
    assert attempt
    assert cancel_job(job, "bob", force=True) == Cancelled(dropped=19, finishing=0, stopped=1)
    assert attempt.held.count() == 0
    job.refresh_from_db()
    assert (job.status, statuses(job)) == ("cancelled", {"cancelled": 20})


def test_force_after_a_cancel_that_waits() -> None:
    job = job_in("cancelling")
    assert cancel_job(job, "bob", force=True) == Cancelled(dropped=0, finishing=0, stopped=1)
    job.refresh_from_db()
    assert job.status == "cancelled"


def test_the_dates_of_a_cancelled_job_are_free() -> None:
    job_in("cancelled")
    assert start_job(make_options(processors=("PSZA",), end=SECOND), "bob")


def test_cancelling_makes_room_for_other_jobs(settings: Any) -> None:
    settings.MAX_PARALLEL_BATCHES = 1
    first, second = make_job(processors=("PSZA",)), make_job(processors=("TDZA",))
    dispatch.dispatch()
    cancel_job(first, "bob")
    dispatch.dispatch()  # as on commit
    assert in_flight(second) == [0]


# Concurrency limit


def test_a_jobs_cap_changes_while_it_runs(settings: Any) -> None:
    settings.MAX_PARALLEL_BATCHES = 9
    job = make_job(parallel=1)
    dispatch.dispatch()
    change_limit(3, "bob", "hurry", job=job)
    dispatch.dispatch()
    assert in_flight(job) == [0, 1, 2]
    assert job_events(job)[-1] == ("concurrency limit 1 → 3", "hurry")


@pytest.mark.shell
def test_above_a_lowered_cap_batches_finish_and_no_other_is_sent(settings: Any) -> None:
    settings.MAX_PARALLEL_BATCHES = 9
    job = make_job(parallel=3)
    dispatch.dispatch()
    change_limit(1, "bob", job=job)
    run_batch(job, 0)
    assert in_flight(job) == [1, 2]


def test_the_cap_in_all_changes_for_every_job(settings: Any) -> None:
    settings.MAX_PARALLEL_BATCHES = 1
    jobs = [make_job(processors=(code,)) for code in ("TDZA", "PSZA")]
    dispatch.dispatch()
    change_limit(4, "bob", "a larger machine")
    dispatch.dispatch()
    assert ([in_flight(job) for job in jobs], Limits.current().max_parallel_batches) == (
        [[0, 1], [0, 1]],
        4,
    )
    event = Event.objects.get(job=None)
    assert (event.actor, event.action, event.reason) == (
        "bob",
        "concurrency limit 1 → 4",
        "a larger machine",
    )


@pytest.mark.parametrize("batches", [0, -1, 65])
def test_a_cap_out_of_range_is_refused(batches: int) -> None:
    with pytest.raises(Refused, match=f"the concurrency limit must be 1 to 64, not {batches}"):
        change_limit(batches, "bob")
    assert not Event.objects.filter(job=None).exists()


def test_the_cap_of_a_job_that_has_ended_cannot_change() -> None:
    job = job_in("succeeded")
    with pytest.raises(
        Refused, match=rf"job {job.pk} has ended \(succeeded\) and cannot be changed"
    ):
        change_limit(2, "bob", job=job)
