"""What goes on in a warehouse by itself: kept on the runs, taken over by who goes on with them,
stopped when nobody does.
"""

from __future__ import annotations

from typing import Any

import pytest

from backfill.errors import Superseded, WarehouseBusy
from backfill.execution import dispatch
from backfill.execution.claims import Attempt, claim_step
from backfill.jobs.lifecycle import cancel_job, resume_job
from backfill.models import Job, Run
from backfill.warehouse import warehouse
from tests.backfill.working import DEAD, batch_of, make_job
from tests.seasons.tiny import FIRST, SECOND

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("season"), pytest.mark.database]


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """The names that the warehouse was asked to stop, call by call."""
    asked: list[set[str]] = []
    monkeypatch.setattr(type(warehouse()), "cancel", lambda self, names: asked.append(set(names)))
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
    # The rows that the statements write carry this moment; the run itself begins now.
    assert second.started_at == first.started_at < Run.objects.get(job=job).started_at  # type: ignore[operator]
    assert (stopped, kept(job)) == ([], [["a"]])


def test_what_was_begun_for_other_runs_than_these_is_stopped(
    stopped: list[set[str]], django_capture_on_commit_callbacks: Any
) -> None:
    job = sent(batch_size=2, end=SECOND)
    first = claimed(job, "first")
    first.work().note("a")
    job.runs.filter(date=FIRST).update(worker=DEAD)
    job.runs.exclude(date=FIRST).update(status=Run.Status.COMPLETE)
    with django_capture_on_commit_callbacks(execute=True):
        second = claimed(job, "second")
    assert (second.key, second.known, stopped) == ("second", (), [{"a"}])


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
