"""Pruning: what is superseded goes, and what the product decides by stays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.utils.timezone import now

from backfill.execution import tasks
from backfill.jobs import prune as pruning
from backfill.jobs.lifecycle import resume_job
from backfill.jobs.prune import prune
from backfill.jobs.start import start_job
from backfill.models import Event, EventKind, Finding, Job, Notice, Run, Trigger
from backfill.plan.rerun_policy import rerun_state
from tests.backfill.working import make_job, run_all
from tests.seasons.tiny import FIRST, LAST, SECOND, make_options

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("season"), pytest.mark.database]

OLD = timedelta(days=500)
DAYS = 400


@pytest.fixture(autouse=True)
def no_versions(settings: Any) -> None:
    """Keep no run because it made a version."""
    settings.KEEP_VERSIONS_DAYS = 0


def rerun(first: Any = FIRST, last: Any = LAST, **options: Any) -> Job:
    job = start_job(make_options(first, last, force=True, **options), "ann")
    assert job
    return run_all(job)


def aged(*jobs: Job) -> None:
    """Move jobs into the past, with all rows about them."""
    for job in jobs:
        for field in ("created_at", "started_at", "finished_at"):
            setattr(job, field, getattr(job, field) and getattr(job, field) - OLD)
        job.save()
        for run in job.runs.exclude(started_at=None):
            Run.objects.filter(pk=run.pk).update(started_at=run.started_at - OLD)
        for event in job.events.all():
            Event.objects.filter(pk=event.pk).update(at=event.at - OLD)


def pruned(**options: Any) -> dict[str, int]:
    return dict(prune(now() - timedelta(days=DAYS), "ann", **options))


def test_a_job_without_current_runs_goes_and_the_newest_one_stays() -> None:
    old, new = run_all(make_job()), rerun()
    aged(old, new)
    before, state = list(new.runs.values()), rerun_state(make_options())
    planned = pruned(dry_run=True)
    assert Job.objects.count() == 2
    counts = pruned()
    assert (counts["jobs"], counts["runs"]) == (1, planned["runs"])
    # Those of the job itself go with it, and those of current runs without it.
    assert counts["events"] == planned["events"]
    assert list(Job.objects.all()) == [new]
    assert list(new.runs.values()) == before
    assert rerun_state(make_options()) == state
    assert not Event.objects.filter(run__isnull=False).exists()
    assert new.events.filter(run=None, kind=EventKind.TRANSITION).exists()
    (note,) = Event.objects.filter(kind=EventKind.PRUNED)
    assert (note.actor, note.job) == ("ann", None)
    assert f"{counts['runs']} runs" in note.reason
    assert pruned() == {}


def test_a_job_that_is_partly_superseded_keeps_its_current_runs_and_says_so() -> None:
    old = run_all(make_job())
    new = rerun(FIRST, SECOND)
    aged(old, new)
    superseded = old.runs.filter(date__lte=SECOND).count()
    assert pruned()["runs"] == superseded
    assert set(old.runs.values_list("date", flat=True)) == {
        day for day in make_options().days if day > SECOND
    }
    (note,) = old.events.filter(kind=EventKind.PRUNED)
    assert note.reason.startswith(f"{superseded} superseded runs that ended before ")


def test_a_complete_run_below_a_failed_one_stays() -> None:
    old, new = run_all(make_job()), rerun()
    new.runs.update(status=Run.Status.FAILED)
    aged(old, new)
    assert "runs" not in pruned()


def test_runs_of_a_finding_stay_until_it_is_closed() -> None:
    old, new = run_all(make_job()), rerun()
    aged(old, new)
    finding = Finding.objects.create(
        **{"kind": "x", "season": 2021, "subject": "x", "rank": 1, "severity": 1, "sentence": "x"},
        **{"dates": [str(FIRST)], "first": FIRST, "last": FIRST, "processors": ["TDZA"]},
        state=Finding.State.EXPECTED,
    )
    pruned()
    assert [(run.processor, run.date) for run in old.runs.all()] == [("TDZA", FIRST)]
    Finding.objects.filter(pk=finding.pk).update(state=Finding.State.CLOSED)
    pruned()
    assert not Job.objects.filter(pk=old.pk).exists()


def test_a_job_that_is_younger_not_ended_or_resumed_meanwhile_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    young, active, resumed = run_all(make_job(end=SECOND)), rerun(), rerun()
    rerun(last=SECOND)  # the others are left to resume
    aged(active, resumed)
    Job.objects.filter(pk=active.pk).update(status=Job.Status.PAUSED)
    Job.objects.filter(pk=resumed.pk).update(status=Job.Status.CANCELLED)
    Run.objects.filter(job=resumed).update(status=Run.Status.CANCELLED)
    chunks = pruning._chunks

    def resume_first(pks: Sequence[int]) -> Iterator[Sequence[int]]:
        if Job.objects.get(pk=resumed.pk).status == Job.Status.CANCELLED:
            resume_job(resumed, "ann")
        return chunks(pks)

    runs = Run.objects.count()
    # The job has been selected by then; it is locked and read again before its rows go.
    monkeypatch.setattr(pruning, "_chunks", resume_first)
    pruned()
    assert Run.objects.count() == runs
    assert set(Job.objects.values_list("pk", flat=True)) >= {young.pk, active.pk, resumed.pk}


def test_delivered_messages_go_and_undelivered_ones_keep_their_job(settings: Any) -> None:
    settings.NOTIFY_URLS = ["json://nowhere"]
    old, new = run_all(make_job()), rerun()
    aged(old, new)
    assert Notice.objects.count() == 2
    Notice.objects.filter(job=new).update(delivered_at=now() - OLD)
    Trigger.objects.update(created_at=now() - OLD)  # without a topic they are only recorded
    counts = pruned()
    assert counts["notifications"] == 1
    assert Trigger.objects.count() == 0
    assert list(Notice.objects.values_list("job", flat=True)) == [old.pk]
    assert not old.runs.exists()


def test_the_command_and_the_nightly_task_prune(settings: Any) -> None:
    old, new = run_all(make_job()), rerun()
    aged(old, new)
    out = StringIO()
    call_command("prune", keep_days=DAYS, dry_run=True, stdout=out)
    assert out.getvalue().startswith("would delete ")
    settings.KEEP_DAYS = DAYS
    tasks.prune()
    assert list(Job.objects.all()) == [new]
    with pytest.raises(SystemExit, match="2"):
        call_command("prune", keep_days=0)
