"""Orphaned warehouse jobs: recorded on runs, adopted by the next attempt, else stopped."""

from __future__ import annotations

from typing import Any

import pytest

from backfill.errors import Superseded, WarehouseBusy
from backfill.execution import dispatch
from backfill.execution.claims import Attempt, claim_step
from backfill.jobs.lifecycle import cancel_job, resume_job
from backfill.models import Job, Run
from backfill.warehouse import warehouse
from backfill.warehouse.port import StoppedJobs
from tests.backfill.working import DEAD, batch_of, make_job
from tests.seasons.tiny import FIRST, SECOND

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("season"), pytest.mark.database]


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """Collect the names passed to each stop call."""
    asked: list[set[str]] = []

    def cancel(self: Any, names: Any) -> StoppedJobs:
        asked.append(set(names))
        return StoppedJobs(tuple(sorted(names)))

    monkeypatch.setattr(type(warehouse()), "cancel", cancel)
    return asked


@pytest.fixture
def retired(monkeypatch: pytest.MonkeyPatch) -> list[tuple[set[str], bool]]:
    """The names that the warehouse was asked to retire, call by call, and whether to cancel them."""
    asked: list[tuple[set[str], bool]] = []

    def retire(self: Any, names: Any, *, cancel: bool) -> None:
        if names:
            asked.append((set(names), cancel))

    monkeypatch.setattr(type(warehouse()), "retire", retire)
    return asked


def sent(**overrides: Any) -> Job:
    job = make_job(**{"processors": ("TDZA",), "end": FIRST, **overrides})
    dispatch.dispatch()
    return job


def claimed(job: Job, claim: str) -> Attempt:
    attempt = claim_step(batch_of(job, 0), "TDZA", claim, "worker")
    assert attempt
    return attempt


def kept(job: Job) -> list[Any]:
    return [run.warehouse_jobs.get("names") for run in job.runs.order_by("date")]


def test_what_is_about_to_begin_is_kept_on_the_runs() -> None:
    job = sent()
    attempt = claimed(job, "first")
    for name in ("a", "b", "a"):
        attempt.work().note(name)
    assert kept(job) == [["a", "b"]]


def test_work_is_labelled_and_is_other_work_over_other_inputs() -> None:
    job = sent()
    attempt = claimed(job, "first")
    assert {
        "job": str(job.pk),
        "batch": "0",
        "processor": "TDZA",
    }.items() <= attempt.work().labels.items()
    assert attempt.work("w1").key != attempt.work("w2").key


def test_nothing_begins_for_an_attempt_that_was_taken_back() -> None:
    job = sent()
    attempt = claimed(job, "first")
    job.runs.update(claim="")
    with pytest.raises(Superseded):
        attempt.work().note("a")
    assert kept(job) == [None]


def test_who_goes_on_with_a_dead_workers_runs_takes_over_what_it_began(
    stopped: list[set[str]], django_capture_on_commit_callbacks: Any
) -> None:
    job = sent()
    first = claimed(job, "first")
    first.work().note("a")
    job.runs.update(worker=DEAD)
    with django_capture_on_commit_callbacks(execute=True):
        second = claimed(job, "second")
    assert (second.work("x").key, second.work().known) == (first.work("x").key, ("a",))
    # The statements' rows carry this time; the run itself begins now.
    assert second.started_at == first.started_at < Run.objects.get(job=job).started_at  # type: ignore[operator]
    assert (stopped, kept(job)) == ([], [["a"]])


def test_what_was_begun_for_other_runs_than_these_is_retired(
    retired: list[tuple[set[str], bool]],
) -> None:
    job = sent(batch_size=2, end=SECOND)
    first = claimed(job, "first")
    first.work().note("a")
    job.runs.filter(date=FIRST).update(worker=DEAD)
    job.runs.exclude(date=FIRST).update(status=Run.Status.COMPLETE)
    second = claimed(job, "second")
    second.retire_earlier()
    assert (second.key, second.known, retired) == ("second", (), [({"a"}, True)])


def test_what_is_continued_is_waited_for(retired: list[tuple[set[str], bool]]) -> None:
    job = sent()
    claimed(job, "first").work().note("a")
    job.runs.update(worker=DEAD)
    claimed(job, "second").retire_earlier()
    assert (retired, kept(job)) == ([({"a"}, False)], [["a"]])


def test_what_a_cancelled_job_has_begun_is_retired_once_by_the_next_job(
    retired: list[tuple[set[str], bool]],
) -> None:
    job = sent()
    claimed(job, "first").work().note("a")
    cancel_job(job, "ann", force=True)
    claimed(sent(), "second").retire_earlier()
    assert (retired, kept(job)) == ([({"a"}, True)], [None])
    cancel_job(Job.objects.latest("pk"), "ann", force=True)
    claimed(sent(), "third").retire_earlier()
    assert len(retired) == 1


def test_a_resumed_job_retires_what_it_has_begun_before(
    retired: list[tuple[set[str], bool]],
) -> None:
    job = sent()
    claimed(job, "first").work().note("a")
    cancel_job(job, "ann", force=True)
    resume_job(job, "ann")
    dispatch.dispatch()
    claimed(job, "second").retire_earlier()
    assert retired == [({"a"}, True)]


def test_cancelling_by_force_stops_what_its_runs_have_begun(
    stopped: list[set[str]], django_capture_on_commit_callbacks: Any
) -> None:
    job = sent()
    claimed(job, "first").work().note("a")
    with django_capture_on_commit_callbacks(execute=True):
        cancel_job(job, "ann", force=True)
    assert stopped == [{"a"}]


def test_a_cancelled_job_that_goes_on_begins_anew(stopped: list[set[str]]) -> None:
    job = sent()
    claimed(job, "first").work().note("a")
    cancel_job(job, "ann", force=True)
    resume_job(job, "ann")
    dispatch.dispatch()
    assert claimed(job, "second").key == "second"


def test_a_warehouse_that_cannot_be_asked_keeps_nobody_from_cancelling(
    monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    def busy(*args: Any) -> None:
        raise WarehouseBusy

    monkeypatch.setattr(type(warehouse()), "cancel", busy)
    job = sent()
    claimed(job, "first").work().note("a")
    with django_capture_on_commit_callbacks(execute=True):
        assert cancel_job(job, "ann", force=True).stopped == 1
