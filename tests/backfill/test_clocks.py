"""A clock that is set back makes no duration negative, and delays nothing."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.db.models import F
from django.utils.timezone import now

from backfill.cli.job_text import job_text
from backfill.execution import dispatch, heartbeat
from backfill.models import Event, Job, Worker
from backfill.process_id import this_process
from backfill.status import system_health
from backfill.status.job_summary import summarize
from tests.backfill.working import batch_of, in_flight, make_job, make_worker, run_all
from tests.seasons.tiny import FIRST

ROOT = Path(__file__).resolve().parents[2]
HOUR = timedelta(hours=1)
# Times of one clock reading, limits, and the module that clamps.
MAY_SUBTRACT = {
    "backfill/elapsed.py",
    "backfill/execution/heartbeat.py",
    "webapp/models/token.py",
    "webapp/pages/guide/tables.py",
}


@pytest.fixture
def job() -> Job:
    """A job that has run, before whose end the clock was set back by an hour."""
    made = run_all(make_job(end=FIRST))
    Event.objects.filter(job=made, to_state="running").update(at=F("at") + HOUR)
    Job.objects.filter(pk=made.pk).update(started_at=now() + HOUR)
    made.refresh_from_db()
    return made


def test_durations_of_stored_times_are_computed_in_one_module() -> None:
    found = {
        f.relative_to(ROOT).as_posix()
        for package in ("backfill", "webapp")
        for f in (ROOT / package).rglob("*.py")
        if ".total_seconds()" in f.read_text()
    }
    assert found <= MAY_SUBTRACT


@pytest.mark.django_db
@pytest.mark.usefixtures("season")
@pytest.mark.database
class TestClocks:
    def test_a_job_is_flagged_instead_of_negative(self, job: Job) -> None:
        summary = summarize(job)
        assert (summary["seconds"], summary["clock_moved"]) == (0, True)
        [first, *_] = job_text(summary).splitlines()
        assert first == f"job {job.pk} succeeded in 0.0 s (clock moved)"

    def test_an_ordinary_job_is_not_flagged(self) -> None:
        summary = summarize(run_all(make_job(end=FIRST)))
        assert (summary["seconds"] > 0, summary["clock_moved"]) == (True, False)

    def test_a_retry_does_not_wait_until_the_clock_has_caught_up(self) -> None:
        job = make_job(parallel=1)
        job.batches.update(retry_at=now() + timedelta(seconds=100))
        dispatch.dispatch()
        assert in_flight(job) == []
        job.batches.filter(pk=batch_of(job, 0).pk).update(retry_at=now() + HOUR)
        dispatch.dispatch()
        assert in_flight(job) == [0]

    def test_a_heartbeat_compares_its_clock_with_the_database(self) -> None:
        heartbeat.beat(Worker.Kind.WORKER)
        assert abs(Worker.objects.get(name=this_process()).clock_ahead) < 1

    @pytest.mark.parametrize(("ahead", "differ"), [((0, 7), False), ((-5, 5), True), ((9,), True)])
    def test_clocks_that_differ_by_more_than_the_lease_are_reported(
        self, ahead: tuple[float, ...], differ: bool
    ) -> None:
        for n, seconds in enumerate(ahead):
            make_worker(f"host{n} 7 1", clock_ahead=seconds)
        found = system_health.live(now())
        assert (found["clocks_differ"], found["clock_difference_seconds"]) == (
            differ,
            max(0, *ahead) - min(0, *ahead),
        )
