"""API and CLI call the same functions: same rows, same events.

Separate module, because commands close the connection, which must not be in the transaction of the
module's demo.
"""

from __future__ import annotations

from typing import Any

import pytest

from backfill.execution import queue
from backfill.models import Batch, Event, Job, Run
from tests.backfill.shell import Shell
from tests.backfill.working import make_job, run_all
from tests.seasons.tiny import FIRST, LAST, SECOND, break_on
from tests.webapp.calls import Program
from webapp.models import Role

pytestmark = [
    pytest.mark.database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("season", "nobody_is_rung"),
]
RANGE = {"start": str(FIRST), "end": str(LAST)}
OWN = {
    "id",
    "request_id",
    "job_id",
    "run_id",
    "claim",
    "worker",
    "started_at",
    "finished_at",
    "created_at",
    "touched_at",
    "lease",
    "at",
    "actor",
}


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


@pytest.fixture
def nobody_is_rung(monkeypatch: pytest.MonkeyPatch) -> None:
    """Send nothing to Redis; batches wait for the sweep."""
    monkeypatch.setattr(queue, "enqueue", lambda batch: None)


def left_by(job: Job) -> dict[str, Any]:
    """Return all stored data of a job except numbers, times and names."""

    def rows(found: Any) -> list[dict[str, Any]]:
        return [
            {name: value for name, value in row.items() if name not in OWN}
            for row in found.order_by("pk").values()
        ]

    job.refresh_from_db()
    return {
        "job": rows(Job.objects.filter(pk=job.pk)), "batches": rows(Batch.objects.filter(job=job)),
        "runs": rows(Run.objects.filter(job=job)), "events": rows(Event.objects.filter(job=job, run=None)),
    }  # fmt: skip


def test_start_pause_resume_and_cancel(shell: Shell) -> None:
    api = Program(Role.OPERATOR)
    sent = {
        **RANGE,
        "processors": ["PSZA", "TDZA"],
        "batch_size": 2,
        "reason": "late data",
        "brake": False,
    }
    words = (
        "--start",
        FIRST,
        "--end",
        LAST,
        "--processors",
        "PSZA,TDZA",
        "--batch-size",
        2,
        "--reason",
        "late data",
    )
    started = api.post("jobs", **sent)
    assert started.status == 201, started
    mine = Job.objects.get(pk=started.document["job"])
    first = left_by(mine)
    for verb in ("pause", "resume", "cancel"):
        assert api.post(f"jobs/{mine.pk}/{verb}", reason=f"to {verb}").status == 200
    after = left_by(mine)
    assert shell("backfill", *words, "--no-brake").code == 0
    other = Job.objects.latest("pk")
    assert (other.pk > mine.pk, left_by(other)) == (True, first)
    for verb in ("pause", "resume", "cancel"):
        assert shell(verb, other.pk, "--reason", f"to {verb}").code == 0
    assert left_by(other) == after
    assert after["job"][0]["status"] == Job.Status.CANCELLED


def test_retry(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    api = Program(Role.OPERATOR)
    with monkeypatch.context() as broken:
        break_on(broken, "PSZA", SECOND)
        failed = run_all(make_job(end=SECOND))
    sent = {"override": True, "reason": "mended", "processors": ["PSZA"]}
    preview = api.post(
        f"jobs/{failed.pk}/retry/preview", override=True, processors=["PSZA"]
    ).document
    assert next((r["processor"], r["date"]) for r in preview["runs"]) == ("PSZA", str(SECOND))
    made = api.post(f"jobs/{failed.pk}/retry", **sent)
    assert (made.status, made.document["retry_of"]) == (201, failed.pk)
    mine = left_by(Job.objects.get(pk=made.document["job"]))
    api.post(f"jobs/{made.document['job']}/cancel")
    assert (
        shell("retry", failed.pk, "--processors", "PSZA", "--override", "--reason", "mended").code
        == 0
    )
    assert left_by(Job.objects.latest("pk")) == mine
    assert {r["processor"] for r in mine["runs"]} == {r["processor"] for r in preview["runs"]}
