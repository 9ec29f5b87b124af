"""Pages and API of versions: the list of a date, a restore, and the undo of a job."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from backfill.jobs.start import start_job
from backfill.models import Job, Run
from backfill.processors.registry import CHAIN
from backfill.warehouse.port import Row
from backfill.warehouse.tables import PGS
from tests.backfill.working import run_all
from tests.seasons.tiny import SECOND, give, make_options, rows_of, season_rows
from tests.webapp.calls import Program
from webapp.models import Role

pytestmark = [pytest.mark.database, pytest.mark.django_db, pytest.mark.usefixtures("season")]


def overwrite(*codes: str) -> Job:
    job = start_job(make_options(processors=codes or tuple(CHAIN), force=True), "ann")
    assert job
    return run_all(job)


@pytest.fixture
def jobs(season: Path, tmp_path: Path) -> tuple[Job, Job]:
    """Return a job, and one that overwrote its shot zones after a correction."""
    first = overwrite("PSZA")
    row, *rest = season_rows(PGS)
    give(PGS, [{**row, "paint_attempts": 19}, *rest], tmp_path)
    return first, overwrite("PSZA")


def rows() -> list[Row]:
    return [
        {name: value for name, value in row.items() if not name.endswith("_at")}
        for row in rows_of("PSZA")
    ]


def read(client: Client, name: str, *args: object, **query: str) -> str:
    answer = client.get(reverse(name, args=args), query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_date_lists_its_versions_with_their_runs(viewer: Client, jobs: tuple[Job, Job]) -> None:
    text = read(viewer, "versions", SECOND)
    for job in jobs:
        run = Run.objects.get(job=job, date=SECOND)
        assert f'href="{reverse("run", args=[run.pk])}">{run.run_id}</a>' in text
        assert f'href="{reverse("job", args=[job.pk])}"' in text
    assert text.count("<strong>live</strong>") == 1
    assert "Restore<" not in text  # viewers do not restore
    assert reverse("versions", args=[SECOND]) in read(viewer, "date", SECOND)


def test_a_restore_needs_a_reason_and_the_number(operator: Client, jobs: tuple[Job, Job]) -> None:
    version = Run.objects.get(job=jobs[0], date=SECOND).run_id
    assert "Restore<" in read(operator, "versions", SECOND)
    url = reverse("version_restore", args=[SECOND, "PSZA", version])
    text = operator.get(url).content.decode()
    (seal,) = re.findall(r'name="seal" value="([^"]+)"', text)
    assert "1 complete run will be overwritten. Type 1 to confirm." in text
    for given in ({}, {"reason": "wrong"}, {"reason": "wrong", "overwrites": "2"}):
        assert operator.post(url, {**given, "seal": seal}).status_code == 422
    assert Job.objects.latest("pk") == jobs[1]
    sent = {"reason": "wrong", "overwrites": "1", "seal": seal}
    answer = operator.post(url, sent)
    job = Job.objects.latest("pk")
    assert answer.headers["Location"] == reverse("job", args=[job.pk])
    assert (job.actor, job.reason, job.runs.count()) == ("otto", "wrong", 1)


def test_an_undo_shows_what_it_restores_and_what_stays(
    operator: Client, jobs: tuple[Job, Job]
) -> None:
    before, (first, second) = rows(), [job.pk for job in jobs]
    assert reverse("job_undo", args=[second]) in read(operator, "job", second)
    assert reverse("job_undo", args=[first]) not in read(operator, "job", first)
    text = read(operator, "job_undo", second)
    assert "3 complete runs will be overwritten. Type 3 to confirm." in text
    assert "1 run: changed no row" in text
    (seal,) = re.findall(r'name="seal" value="([^"]+)"', text)
    sent = {"reason": "wrong", "overwrites": "3", "seal": seal}
    assert operator.post(reverse("job_undo", args=[second]), sent).status_code == 302
    undo = run_all(Job.objects.latest("pk"))
    assert rows() != before
    assert "Undo of" in read(operator, "job", undo.pk)
    assert f"3 runs: job {undo.pk} has written it since" in read(operator, "job_undo", second)


def test_a_job_that_replaced_nothing_has_nothing_to_undo(
    operator: Client, jobs: tuple[Job, Job]
) -> None:
    pk = jobs[0].pk
    text = read(operator, "job_undo", pk)
    assert f"Nothing of job {pk} can be undone (4 runs: replaced nothing)." in text
    assert "<form method" not in text.partition("<main")[2]


def test_an_unknown_version_is_named(operator: Client, jobs: tuple[Job, Job]) -> None:
    assert "has no version" in read(operator, "version_restore", SECOND, "PSZA", "nope")


def test_viewers_undo_nothing(viewer: Client, jobs: tuple[Job, Job]) -> None:
    url = reverse("job_undo", args=[jobs[1].pk])
    assert viewer.get(url).status_code == viewer.post(url).status_code == 403


def test_the_api_lists_restores_and_undoes(jobs: tuple[Job, Job]) -> None:
    api, (first, second) = Program(Role.OPERATOR), [job.pk for job in jobs]
    undo = f"jobs/{second}/undo"
    listed = api.get("versions", day=str(SECOND), code="PSZA").document["versions"]
    assert [(v["live"], v["job"]) for v in listed] == [(True, second), (False, first)]
    assert api.post(f"{undo}/preview").document["overwrites"] == 3
    assert api.post(undo, overwrites=9, reason="wrong").status == 422
    refused = api.post(undo, overwrites=3)
    assert (refused.status, "needs a reason" in refused.detail) == (422, True)
    done = api.post(undo, overwrites=3, reason="wrong")
    job = Job.objects.latest("pk")
    made = {"job": job.pk, "status": "queued", "undo_of": second}
    assert (done.status, done.document) == (201, made)
    run_all(job)
    sent: dict[str, Any] = {"processor": "PSZA", "date": str(SECOND), "reason": "again"}
    version = Run.objects.get(job=second, date=SECOND).run_id
    assert api.post("versions/restore", **sent, version=version).status == 201
    assert api.post("versions/restore", **sent, version="nope").status == 422
