"""Races between two processes, as threads with a connection each."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.utils.timezone import now

from backfill.errors import Conflict, Refused
from backfill.execution import dispatch, sweep
from backfill.execution.claims import Attempt, claim_step
from backfill.execution.step import run_step
from backfill.jobs import start as starting
from backfill.jobs.launches import launch_backfill, start_due
from backfill.jobs.lifecycle import cancel_job, change_limit, pause_job, resume_job
from backfill.jobs.start import Preview, start_job
from backfill.models import Batch, Job, Launch, Limits, Run
from backfill.plan.options import Options
from backfill.plan.planning import Plan, PlannedAction, PlannedRun
from backfill.process_id import this_process
from backfill.processors.registry import CHAIN
from backfill.season_calendar import load_calendar
from tests.seasons.tiny import BOOTSTRAP, FIRST, LAST, SECOND, THIRD, make_options, rows_of

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.database,
    pytest.mark.usefixtures("season"),
]

ROUNDS = 5  # repetitions, because the outcome of a race varies


def together(*calls: Callable[[], Any]) -> list[Any]:
    """Call all at the same instant, each in its own thread; return each result or exception."""
    barrier = Barrier(len(calls))

    def called(call: Callable[[], Any]) -> Any:
        try:
            connection.ensure_connection()
            barrier.wait(timeout=30)
            return call()
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(called, calls))


@pytest.fixture(autouse=True)
def rung(monkeypatch: pytest.MonkeyPatch) -> list[Batch]:
    """Collect sent batches instead of sending messages to Redis."""
    sent: list[Batch] = []
    monkeypatch.setattr(dispatch.queue, "enqueue", sent.append)
    return sent


def make_job(**overrides: Any) -> Job:
    job = start_job(make_options(batch_size=1, **overrides), "ann", inline=True)
    assert job
    return job


def for_workers(job: Job) -> Job:
    """Detach the job from this process, with no batch sent."""
    Job.objects.filter(pk=job.pk).update(owner="")
    job.refresh_from_db()
    return job


def in_flight() -> list[Batch]:
    return list(Batch.objects.filter(status=Batch.Status.IN_FLIGHT).order_by("pk"))


def sent_batch(job: Job) -> Batch:
    dispatch.dispatch()
    return job.batches.get(status=Batch.Status.IN_FLIGHT)


def claim(batch: Batch, code: str = "PSZA") -> Attempt | None:
    return claim_step(batch, code, uuid4().hex, "worker")


# Starts


OVERLAPS = {
    "the same dates": ((FIRST, LAST), (FIRST, LAST)),
    "the last of one is the first of the other": ((BOOTSTRAP[0], SECOND), (SECOND, LAST)),
    "one within the other": ((BOOTSTRAP[0], LAST), (SECOND, THIRD)),
}


@pytest.mark.parametrize("overlap", OVERLAPS)
def test_of_two_overlapping_starts_one_is_refused_with_the_others_number(
    overlap: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned, preview = Barrier(2), starting.preview_job

    def previewed(options: Options) -> Preview:
        """Preview before either start has created runs."""
        found = preview(options)
        planned.wait(timeout=30)
        return found

    monkeypatch.setattr(starting, "preview_job", previewed)
    ranges = OVERLAPS[overlap]
    for _ in range(ROUNDS):
        found = together(
            *(
                partial(start_job, make_options(*days, batch_size=1), "ann", inline=True)
                for days in ranges
            )
        )
        (job,), (refused,) = (
            [f for f in found if isinstance(f, Job)],
            [f for f in found if not isinstance(f, Job)],
        )
        assert isinstance(refused, Conflict), refused
        assert f"job {job.pk} (ann, queued) holds" in str(refused)
        assert (list(Job.objects.all()), {r.job_id for r in Run.objects.all()}) == ([job], {job.pk})
        job.delete()


def test_a_start_and_a_resume_of_the_same_dates_do_not_wait_for_each_other() -> None:
    """Resumed rows are stored last date first, those of the start first date first.

    Locking in storage order would deadlock.
    """
    days = [FIRST + timedelta(n) for n in range(150)]
    runs = tuple(
        PlannedRun(processor=code, date=day, action=PlannedAction.RUN, reason="", batch=0)
        for day in days
        for code in CHAIN
    )
    planned = Plan(options=make_options(end=days[-1]), days=(), runs=runs, batch_size=len(days))
    for _ in range(ROUNDS):
        job = starting.create(replace(planned, runs=runs[::-1]), "ann", owner=this_process())
        cancel_job(job, "ann")
        found = together(
            partial(resume_job, job, "ann"),
            partial(starting.create, planned, "bob", owner=this_process()),
        )
        (_,), (refused,) = (
            [f for f in found if isinstance(f, Job)],
            [f for f in found if not isinstance(f, Job)],
        )
        assert isinstance(refused, Conflict), refused
        Job.objects.all().delete()


def test_of_two_that_go_on_with_a_job_whose_process_died_one_gets_it() -> None:
    for _ in range(ROUNDS):
        job = make_job()
        job.runs.filter(processor="PSZA").update(status="running")
        Job.objects.filter(pk=job.pk).update(
            status="running", owner=f"{socket.gethostname()} 1 0.00"
        )
        found = together(
            *[
                partial(start_job, job.parsed_options, actor, inline=True)
                for actor in ("ann", "bob")
            ]
        )
        (again,), (refused,) = (
            [f for f in found if isinstance(f, Job)],
            [f for f in found if not isinstance(f, Job)],
        )
        assert (again, again.owner) == (job, this_process())
        assert isinstance(refused, Conflict), refused
        job.delete()


# Dispatches


@pytest.mark.parametrize("known", [True, False], ids=["limits stored", "limits not stored yet"])
def test_dispatches_at_once_never_exceed_the_cap(
    known: bool, settings: Any, rung: list[Batch]
) -> None:
    settings.MAX_PARALLEL_BATCHES = 3
    for _ in range(ROUNDS):
        jobs = [for_workers(make_job(processors=(code,), parallel=2)) for code in ("TDZA", "PSZA")]
        Limits.objects.all().delete()
        if known:
            Limits.objects.create(pk=1)
        assert together(*[dispatch.dispatch] * 4) == [None] * 4
        sent = in_flight()
        assert sorted(b.job_id for b in sent) in (
            [jobs[0].pk, jobs[0].pk, jobs[1].pk],
            [jobs[0].pk, jobs[1].pk, jobs[1].pk],
        )
        assert sorted(b.pk for b in rung) == [b.pk for b in sent]
        Job.objects.all().delete()
        rung.clear()


def test_processes_that_take_batches_at_once_share_the_cap(settings: Any) -> None:
    settings.MAX_PARALLEL_BATCHES = 3
    job = make_job(parallel=4)
    taken = [b for b in together(*[partial(dispatch.take_batch, job)] * 4) if b]
    assert sorted(b.pk for b in taken) == [b.pk for b in in_flight()]
    assert len(taken) == 3


# Claims


def test_a_step_that_two_claim_is_given_to_exactly_one() -> None:
    job = for_workers(make_job())
    for code in ("TDZA", "PSZA", "TDZA", "PSZA"):
        batch = in_flight()[0] if in_flight() else sent_batch(job)
        job.runs.update(status="pending", claim="")
        attempts = [a for a in together(*[partial(claim, batch, code)] * 3) if a]
        assert [(type(a), a.code) for a in attempts] == [(Attempt, code)]
        running = job.runs.filter(status="running")
        assert {(r.processor, r.claim) for r in running} == {(code, attempts[0].claim)}


def test_a_job_cancelled_while_a_step_is_claimed_waits_for_the_step_or_runs_none() -> None:
    for _ in range(ROUNDS):
        job = for_workers(make_job())
        batch = sent_batch(job)
        attempt, cancelled = together(partial(claim, batch), partial(cancel_job, job, "ann"))
        job.refresh_from_db()
        running = job.runs.filter(status="running").count()
        assert (job.status, running, cancelled.finishing) == (
            ("cancelling", 1, 1) if attempt else ("cancelled", 0, 0)
        )
        assert not job.runs.filter(status="pending").exists()
        Job.objects.all().delete()


def test_no_run_of_a_job_cancelled_by_force_runs_on() -> None:
    for _ in range(ROUNDS):
        job = for_workers(make_job())
        batch = sent_batch(job)
        attempt, cancelled = together(
            partial(claim, batch), partial(cancel_job, job, "ann", force=True)
        )
        job.refresh_from_db()
        assert (job.status, {r.status for r in job.runs.all()}) == ("cancelled", {"cancelled"})
        assert (cancelled.stopped, attempt.held.count() if attempt else 0) == (
            1 if attempt else 0,
            0,
        )
        Job.objects.all().delete()


# Mixed verbs


def test_workers_sweeps_pauses_and_caps_at_once_neither_fail_nor_wait_for_ever(
    settings: Any,
) -> None:
    settings.MAX_PARALLEL_BATCHES = 2
    jobs = [
        for_workers(make_job(start=start, end=end, parallel=2))
        for start, end in ((FIRST, SECOND), (THIRD, LAST))
    ]
    calendar = load_calendar()

    def is_over() -> bool:
        return not Job.objects.exclude(status__in=Job.ENDED).exists()

    def work() -> None:
        while not is_over():
            for batch in in_flight():
                for code in CHAIN:
                    run_step(batch, code, calendar, "worker")

    def look_after() -> None:
        while not is_over():
            sweep.sweep_lost_work()
            # SQLite grants its lock at random; give the others a chance.
            time.sleep(0.02)

    def meddle() -> None:
        for cap in (1, 2, 3):
            change_limit(cap, "ann")
            for job in jobs:
                with suppress(Refused):
                    pause_job(job, "ann")
                with suppress(Refused):
                    resume_job(job, "ann")
        for job in jobs:  # a pause may complete after the refused resume
            while Job.objects.get(pk=job.pk).status in ("pausing", "paused"):
                with suppress(Refused):
                    resume_job(job, "ann")

    assert together(work, work, look_after, look_after, meddle) == [None] * 5
    assert [(j.status, {r.status for r in j.runs.all()}) for j in Job.objects.all()] == [
        ("succeeded", {"complete"})
    ] * 2
    assert {code: len(rows_of(code)) for code in CHAIN} == {**dict.fromkeys(CHAIN, 8), "TDZA": 6}


# Pending launches


def test_two_sweeps_at_the_same_instant_start_a_launch_once() -> None:
    for number in range(1, ROUNDS + 1):
        launch_backfill(make_options(force=True), "ann", limit=0)
        launch = Launch.objects.latest("pk")
        Launch.objects.filter(pk=launch.pk).update(approved_by="ben")
        answers = together(*[partial(start_due, now())] * 3)
        launch.refresh_from_db()
        assert (launch.state, launch.outcome_message) == ("started", "")
        assert sum(map(len, answers)) == 1, answers
        assert Job.objects.count() == number
        cancel_job(Job.objects.latest("pk"), "ann")


def test_parallel_forced_launches_do_not_exceed_the_approval_limit() -> None:
    for _ in range(ROUNDS):
        launches = [
            partial(launch_backfill, make_options(start=day, end=day, force=True), "ann", limit=2)
            for day in (FIRST, SECOND, THIRD, LAST)
        ]
        answers = together(*launches)
        assert sum(isinstance(one, Job) for one in answers) == 2, answers
        assert all(isinstance(one, Job | Launch | Conflict) for one in answers), answers
        Job.objects.all().delete()
        Launch.objects.all().delete()
