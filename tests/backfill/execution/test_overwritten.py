"""Complete runs over which a later attempt may have written without a record are stale."""

from __future__ import annotations

import pytest

from backfill.execution import dispatch
from backfill.execution.claims import Attempt, claim_step
from backfill.execution.step import run_step
from backfill.jobs.lifecycle import cancel_job
from backfill.jobs.start import start_job
from backfill.models import Event, EventKind, Job, Run
from backfill.plan.rerun_policy import stale_keys
from backfill.season_calendar import load_calendar
from backfill.warehouse import warehouse
from backfill.warehouse.parquet.fences import Fences
from backfill.warehouse.tables import TDZA
from tests.backfill.working import batch_of, run_all
from tests.seasons.tiny import FIRST, make_options

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("season"), pytest.mark.database]
KEY = ("TDZA", FIRST)
OPTIONS = make_options(FIRST, FIRST, processors=("TDZA",), force=True)


@pytest.fixture
def complete() -> Run:
    """A complete run of job 1."""
    return Run.objects.get(job=run_all(start()))


def start() -> Job:
    job = start_job(OPTIONS, "ann")
    assert job
    dispatch.dispatch()
    return job


def claimed(job: Job) -> Attempt:
    attempt = claim_step(batch_of(job, 0), "TDZA", f"claim {job.pk}", "worker")
    assert attempt
    return attempt


def marks(run: Run) -> list[tuple[str, str]]:
    events = Event.objects.filter(run=run, kind=EventKind.OVERWRITTEN)
    return list(events.values_list("action", "reason"))


def test_a_token_is_newer_than_every_token_of_its_date(complete: Run) -> None:
    Run.objects.update(fence=(far := 10**18))
    assert claimed(start()).fence() == far + 1


def test_a_cancelled_attempt_that_had_begun_to_write_makes_the_complete_run_stale(
    complete: Run,
) -> None:
    job = start()
    claimed(job).fence()
    assert stale_keys(OPTIONS) == {}
    cancel_job(job, "ann", force=True)
    assert marks(complete) == [
        ("marked stale", f"job {job.pk} was cancelled after it began to write")
    ]
    assert stale_keys(OPTIONS) == {KEY: "an unrecorded attempt wrote over its output"}


def test_a_cancelled_attempt_that_had_written_nothing_does_not(complete: Run) -> None:
    job = start()
    claimed(job)
    cancel_job(job, "ann", force=True)
    assert (marks(complete), stale_keys(OPTIONS)) == ([], {})


def test_runs_that_waited_after_an_interrupted_write_count_too(complete: Run) -> None:
    job = start()
    claimed(job).fence()
    dispatch.requeue(job, job.runs.all(), actor="sweep", reason="", cause="")
    cancel_job(job, "ann")
    assert len(marks(complete)) == 1


def test_an_attempt_that_lost_its_claim_marks_what_it_wrote(
    complete: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The claim is lost after the failures were written, for example to a sweep."""
    job = start()

    def lose(point: str) -> None:
        if point == "after-failures":
            job.runs.update(claim="")

    monkeypatch.setattr("backfill.execution.execute.crash_point", lose)
    assert run_step(batch_of(job, 0), "TDZA", load_calendar(), "worker") == []
    assert stale_keys(OPTIONS).keys() == {KEY}
    [(_, reason)] = marks(complete)
    assert "lost its claim" in reason


def test_a_newer_run_is_not_marked(complete: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The older attempt continues after a newer job has ended, and is refused."""
    old = start()
    attempt = claimed(old)
    token = attempt.fence()
    cancel_job(old, "ann", force=True)
    newer = Run.objects.get(job=run_all(start()))
    monkeypatch.setattr(Attempt, "fence", lambda self: token)
    before = warehouse().query(f"SELECT * FROM {TDZA}")
    with warehouse().working(attempt.work()), pytest.raises(Exception, match="Another attempt"):
        warehouse().replace(TDZA, [FIRST], "", {})
    assert warehouse().query(f"SELECT * FROM {TDZA}") == before
    assert newer.fence > token
    assert (marks(newer), len(marks(complete)), stale_keys(OPTIONS)) == ([], 1, {})


def test_a_database_that_was_restored_catches_up_with_the_warehouse(complete: Run) -> None:
    """The warehouse has newer tokens than the database ever issued."""
    root = warehouse().root  # type: ignore[attr-defined]
    partition = f"{TDZA.partition}={FIRST}"
    with Fences(root).passed(TDZA, partition, 10**18, lambda replaced: None):
        pass
    job = start()
    assert run_step(batch_of(job, 0), "TDZA", load_calendar(), "worker") == []
    run = Run.objects.get(job=job)
    assert (run.status, run.fence) == ("pending", 10**18)
    job.batches.update(retry_at=None)
    run_all(job)
    run.refresh_from_db()
    assert (run.status, run.fence) == ("complete", 10**18 + 1)
