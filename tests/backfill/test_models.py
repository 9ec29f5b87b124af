from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils.timezone import now

from backfill.models import Event, Job, Run
from backfill.plan.options import Options
from backfill.plan.planning import ALREADY_COMPLETE

pytestmark = [pytest.mark.django_db, pytest.mark.database]

DAY, NEXT = date(2021, 11, 22), date(2021, 11, 23)


def make_job(**overrides: Any) -> Job:
    options = Options(start=DAY, end=NEXT).as_json()
    return Job.objects.create(
        **{"options": options, "actor": "ann", "code_version": "1", "batch_size": 1, **overrides}
    )


def make_run(job: Job | None = None, status: str = "pending", **overrides: Any) -> Run:
    fields = {
        "job": job or make_job(),
        "processor": "PSZA",
        "date": DAY,
        "batch": 0,
        "status": status,
    }
    return Run.objects.create(**{**fields, **overrides})


def events() -> list[tuple[Any, ...]]:
    return list(
        Event.objects.order_by("pk").values_list("job_id", "run_id", "actor", "action", "reason")
    )


def done() -> set[tuple[str, date]]:
    return Run.objects.done(DAY, NEXT)


# One active run per (processor, date)


@pytest.mark.parametrize("first", ["pending", "running"])
@pytest.mark.parametrize("second", ["pending", "running"])
def test_two_jobs_cannot_hold_one_date(first: str, second: str) -> None:
    make_run(status=first)
    with pytest.raises(
        IntegrityError, match=r"backfill_run\.processor, backfill_run\.date|one_active_run"
    ):
        make_run(status=second)


@pytest.mark.parametrize("ended", ["complete", "skipped", "blocked", "failed", "cancelled"])
def test_a_run_that_has_ended_makes_room(ended: str) -> None:
    make_run(status=ended)
    make_run(status=ended)
    make_run(status="running")
    assert Run.objects.count() == 3


def test_other_dates_and_processors_are_free() -> None:
    make_run()
    make_run(date=NEXT)
    make_run(processor="ML")
    assert Run.objects.count() == 3


def test_a_run_that_has_ended_cannot_start_again_while_another_is_active() -> None:
    old = make_run(status="failed")
    make_run()
    with pytest.raises(IntegrityError), transaction.atomic():
        Run.objects.filter(pk=old.pk).transition(("failed",), "pending", actor="ann")
    assert (Run.objects.get(pk=old.pk).status, events()) == ("failed", [])


@pytest.mark.parametrize("status", ["complete", "cancelled"])
def test_a_job_has_one_run_per_processor_and_date(status: str) -> None:
    job = make_job()
    make_run(job, status)
    with pytest.raises(IntegrityError, match=r"backfill_run\.job_id|one_run_per_job"):
        make_run(job, status)


def test_every_run_has_an_id_of_its_own() -> None:
    ids = [make_run(processor=code).run_id for code in ("TDZA", "PSZA", "PCF")]
    assert len(set(ids)) == 3
    assert all(len(i) == 8 and int(i, 16) >= 0 for i in ids)


# State transitions


def test_a_job_moves_with_an_event() -> None:
    job, started = make_job(), now()
    assert job.transition(
        ("queued",), "running", actor="ann", reason="she said so", started_at=started
    )
    assert (job.status, job.started_at) == ("running", started)
    assert events() == [(job.pk, None, "ann", "queued → running", "she said so")]


def test_a_job_that_somebody_moved_before_stays_where_it_is() -> None:
    job = make_job()
    Job.objects.filter(pk=job.pk).update(status="cancelling")
    assert not job.transition(("queued", "running"), "paused", actor="ann", finished_at=now())
    job.refresh_from_db()
    assert (job.status, job.finished_at, events()) == ("cancelling", None, [])


def test_one_of_two_who_move_a_job_wins() -> None:
    job = make_job()
    same = Job.objects.get(pk=job.pk)
    moved = [
        one.transition(("queued",), "running", actor=actor)
        for one, actor in ((job, "ann"), (same, "bob"))
    ]
    assert moved == [True, False]
    assert [actor for _, _, actor, _, _ in events()] == ["ann"]


def test_runs_move_together_with_an_event_each() -> None:
    job = make_job()
    runs = [
        make_run(job, "running"),
        make_run(job, "pending", date=NEXT),
        make_run(job, "failed", processor="ML"),
    ]
    assert (
        job.runs.all().transition(
            ("running", "pending"), "cancelled", actor="sweep", reason="gone", batch=7
        )
        == 2
    )
    assert [(r.status, r.batch) for r in Run.objects.order_by("pk")] == [
        ("cancelled", 7),
        ("cancelled", 7),
        ("failed", 0),
    ]
    assert set(events()) == {
        (job.pk, runs[0].pk, "sweep", "running → cancelled", "gone"),
        (job.pk, runs[1].pk, "sweep", "pending → cancelled", "gone"),
    }


def test_moving_no_run_is_no_event() -> None:
    make_run(status="complete")
    assert (Run.objects.transition(("pending",), "cancelled", actor="ann"), events()) == (0, [])


# Latest decisive runs


@pytest.mark.parametrize(
    ("statuses", "is_done"),
    [
        ("", False),
        ("complete", True),
        ("skipped", True),
        ("failed", False),
        ("blocked", False),
        ("pending", False),
        ("complete failed", False),
        ("complete blocked", False),
        ("complete pending", False),
        ("complete running", False),
        ("failed complete", True),
        ("complete cancelled", True),
        ("failed cancelled", False),
        ("cancelled", False),
    ],
)
def test_the_newest_decisive_run_says_whether_a_date_is_done(statuses: str, is_done: bool) -> None:
    for status in statuses.split():
        make_run(status=status)
    assert done() == ({("PSZA", DAY)} if is_done else set())


def test_a_run_that_was_not_needed_decides_nothing() -> None:
    make_run(status="skipped", skip_reason=ALREADY_COMPLETE, reason=ALREADY_COMPLETE)
    assert done() == set()
    make_run(status="failed")
    make_run(status="skipped", skip_reason=ALREADY_COMPLETE, reason=ALREADY_COMPLETE)
    assert done() == set()


def test_what_decides_is_the_newest_run_by_its_start_that_has_ended_and_was_needed() -> None:
    at = now()
    make_run(status="failed")
    newest = make_run(status="complete", started_at=at)
    make_run(status="failed", started_at=at - timedelta(hours=1))
    make_run(status="cancelled", started_at=at + timedelta(hours=1))
    make_run(status="skipped", skip_reason=ALREADY_COMPLETE, reason=ALREADY_COMPLETE)
    make_run(status="running", started_at=at + timedelta(hours=1))
    blocked = make_run(status="blocked", processor="ML", date=NEXT)
    make_run(status="complete", date=date(2021, 11, 24))
    assert Run.objects.deciding(DAY, NEXT) == {("PSZA", DAY): newest, ("ML", NEXT): blocked}
    assert done() == set()


def test_done_is_asked_for_a_range() -> None:
    for day in (date(2021, 11, 21), DAY, NEXT, date(2021, 11, 24)):
        make_run(status="complete", date=day)
    assert done() == {("PSZA", DAY), ("PSZA", NEXT)}


# Loading stored rows


def test_a_job_knows_its_options() -> None:
    assert make_job().parsed_options == Options(start=DAY, end=NEXT)


def test_rows_are_named_as_a_person_names_them() -> None:
    job = make_job()
    assert [str(job), str(make_run(job)), str(Event(action="queued", actor="ann"))] == [
        f"job {job.pk}",
        "PSZA 2021-11-22",
        "queued by ann",
    ]
