"""Overwriting launches of one user within a day count together for the approval."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from django.utils.timezone import now

from backfill.errors import Conflict
from backfill.jobs import launches
from backfill.jobs.approval import Overwritten, approval_reason, overwritten_recently
from backfill.jobs.launches import approve_launch, launch_backfill, withdraw_launch
from backfill.jobs.lifecycle import cancel_job
from backfill.jobs.start import preview_job
from backfill.models import Job, Launch
from tests.backfill.working import make_job, run_all
from tests.seasons.tiny import make_options

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("season"),
    pytest.mark.database,
    pytest.mark.shell,
]

# The tiny season has four dates with games.
DATES = 4


@pytest.fixture
def days() -> list[date]:
    """The dates with games, all complete by a job of another user, two days ago."""
    job = run_all(make_job())
    before = now() - timedelta(days=2)
    Job.objects.update(created_at=before, actor="eve")
    job.runs.update(finished_at=before)
    found = sorted(set(job.runs.values_list("date", flat=True)))
    assert len(found) == DATES
    return found


def launch(day: date, actor: str = "ann", **how: Any) -> Job | Launch | None:
    """Launch one processor on one date with force."""
    options = make_options(
        start=day, end=day, processors=("PSZA",), **{"force": True, **how.pop("options", {})}
    )
    return launch_backfill(options, actor, limit=how.pop("limit", 2), **how)


def split(days: list[date], actor: str = "ann") -> Iterator[str]:
    """Launch one job after another; yield the reason of each that needs approval."""
    for day in days:
        found = launch(day, actor)
        if isinstance(found, Job):
            run_all(found)
            yield ""
        else:
            assert isinstance(found, Launch)
            yield found.needs_approval


@pytest.mark.postgres
def test_a_split_launch_needs_approval_like_the_whole_one(days: list[date]) -> None:
    reasons = list(split(days))
    assert reasons[:2] == ["", ""]
    assert all("more than 2 need approval" in reason for reason in reasons[2:])
    assert reasons[2] == (
        "overwrites 1 complete run, 3 with other jobs of the same user within 24 hours; "
        "more than 2 need approval"
    )
    assert list(split(days[3:], "ben")) == [""]


def test_five_forced_jobs_of_80_dates() -> None:
    plan = preview_job(make_options(force=True)).plan
    own = Overwritten(len(plan.dates), plan.overwrites)
    assert own == Overwritten(DATES, 0)  # forced, although nothing is complete yet
    four = Overwritten(4 * DATES, 0)
    assert approval_reason(plan, 4 * DATES, Overwritten(3 * DATES, 0)) == ""
    assert approval_reason(plan, 4 * DATES, four) == (
        "reruns 4 dates, 20 with other jobs of the same user within 24 hours; "
        "more than 16 need approval"
    )


def test_a_launch_that_only_fills_gaps_counts_alone(days: list[date]) -> None:
    assert list(split(days[:2])) == ["", ""]
    job = launch(days[2], options={"force": False, "failed": True})
    assert job is None  # everything is complete
    assert overwritten_recently("ann", now()) == Overwritten(2, 2)


def test_jobs_older_than_a_day_are_not_counted(days: list[date]) -> None:
    list(split(days[:2]))
    Job.objects.filter(actor="ann").update(created_at=now() - timedelta(hours=24, seconds=1))
    assert overwritten_recently("ann", now()) == Overwritten()
    assert list(split(days[2:3])) == [""]


def test_an_approved_job_is_not_counted(days: list[date]) -> None:
    *_, last = split(days[:3])
    assert last
    approved = approve_launch(Launch.objects.get(), "ben")
    assert approved.job is not None
    assert overwritten_recently("ann", now()) == Overwritten(2, 2)


def test_a_cancelled_job_is_not_counted(days: list[date]) -> None:
    job = launch(days[0])
    assert isinstance(job, Job)
    assert overwritten_recently("ann", now()) == Overwritten(1, 1)
    cancel_job(job, "ann", "wrong date")
    assert overwritten_recently("ann", now()) == Overwritten()


def test_scheduled_launches_count_by_their_time(days: list[date]) -> None:
    tonight = now() + timedelta(hours=3)
    made = [launch(day, start_at=tonight) for day in days[:3]]
    needed = [one.needs_approval for one in made if isinstance(one, Launch)]
    assert [bool(reason) for reason in needed] == [False, False, True]
    assert isinstance(launch(days[3]), Launch)
    later = launch(days[3], start_at=tonight + timedelta(hours=25))
    assert isinstance(later, Launch)
    assert later.needs_approval == ""
    for one in made:
        assert isinstance(one, Launch)
        withdraw_launch(one, "ann")
    assert isinstance(launch(days[3]), Job)


def test_an_admin_needs_no_approval_and_counts_for_nobody_else(days: list[date]) -> None:
    assert all(isinstance(launch(day, "ada", exempt=True), Job) for day in days)
    assert overwritten_recently("ada", now()) == Overwritten(DATES, DATES)
    assert overwritten_recently("ann", now()) == Overwritten()


def test_a_job_started_since_the_check_rolls_the_second_one_back(
    days: list[date], monkeypatch: pytest.MonkeyPatch
) -> None:
    list(split(days[:1]))
    start_job: Callable[..., Job | None] = launches.start_job

    def start_after_another(*given: Any, **named: Any) -> Job | None:
        monkeypatch.setattr(launches, "start_job", start_job)
        assert isinstance(launch(days[1]), Job)
        return start_job(*given, **named)

    monkeypatch.setattr(launches, "start_job", start_after_another)
    with pytest.raises(Conflict, match="another job was just started"):
        launch(days[2])
    assert Job.objects.filter(actor="ann").count() == 2
