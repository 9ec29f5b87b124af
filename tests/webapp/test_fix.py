"""Fix of a finding on its page, from the evidence to its close, in a season of real runs."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from backfill.audit.fix_steps import fix_of
from backfill.audit.marking import run_audit
from backfill.execution.inline import run_inline
from backfill.ingest.load import load
from backfill.ingest.load_history import record_load
from backfill.ingest.selection import LoadSelection
from backfill.jobs.start import start_job
from backfill.models import Event, EventKind, Finding, Job
from backfill.plan.options import Options
from backfill.warehouse.tables import PGS
from tests.backfill.working import run_all
from tests.factories import write_rows
from tests.seasons.tiny import FIRST, LAST, NIGHTS, SECOND, THIRD, make_options, part, season_rows
from tests.webapp.calls import Program
from tests.webapp.polls import OpenPage
from tests.webapp.test_load import load_form, words
from webapp.live import stamps

pytestmark = [pytest.mark.database, pytest.mark.django_db, pytest.mark.usefixtures("season")]


@pytest.fixture(autouse=True)
def uploads(settings: Any, tmp_path: Path) -> None:
    settings.UPLOADS = settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "uploads"
    settings.UPLOADS.mkdir(mode=0o700)


def audit() -> None:
    """Audit the season. Two players are low coverage on every date, and expected here."""
    run_audit()
    Finding.objects.filter(kind="low coverage").update(state=Finding.State.EXPECTED)


def ran(options: Options) -> Job:
    job = start_job(options, "ann", inline=True)
    assert job
    return run_inline(job, "ann")


def spoil(folder: Path) -> None:
    """Load one impossible row into the loaded season."""
    (row,) = (row for row in season_rows(PGS, [NIGHTS[10]]) if row["player_lookup"] == "homer")
    file = write_rows(folder / f"{PGS.name}.parquet", PGS, [row | {"paint_makes": 99}])
    load(file, LoadSelection.of("PGS", rows=True))


def page(client: Client, finding: Finding) -> str:
    return words(client.get(reverse("finding", args=[finding.pk])))


def states(finding: Finding) -> dict[str, str]:
    finding.refresh_from_db()
    return {step.name: step.state for step in fix_of(finding).steps}


def start(client: Client, finding: Finding) -> Job:
    """Press the button of the page, and run the job with a worker's code."""
    html = client.get(reverse("finding", args=[finding.pk])).content.decode()
    form = html.partition('id="fix"')[2].partition('name="previewed"')
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form[0] + form[1] + form[2][:20000]))
    fields["state"] = fields["state"].replace("&amp;", "&")
    if typed := re.search(r"Type ([\d,]+) to confirm", html):
        fields["overwrites"] = typed[1]
    answer = client.post(reverse("backfill_new"), fields)
    assert answer.status_code == 302, words(answer)
    job = Job.objects.latest("pk")
    assert answer.url == reverse("job", args=[job.pk])
    return job


def test_a_bad_source_row_from_the_finding_to_its_close(operator: Client, tmp_path: Path) -> None:
    spoil(tmp_path)
    ran(make_options())
    audit()
    (finding,) = Finding.objects.filter(kind="impossible value")
    text = page(operator, finding)
    assert "paint_makes 99 > paint_attempts" in text
    assert f"player_lookup homer, game_id 0022100010, game_date {NIGHTS[10]}" in text
    assert list(states(finding).values()) == ["current", *4 * ["waiting"]]
    assert "runs on" not in text.partition("1. ")[0].partition("Fix")[2]

    file = operator.get(reverse("finding_rows", args=[finding.pk]))
    assert file["Content-Disposition"] == f'attachment; filename="{PGS.name}.csv"'
    corrected = file.content.decode().replace(",99,", ",5,")
    assert corrected != file.content.decode()
    upload = SimpleUploadedFile(f"{PGS.name}.csv", corrected.encode())
    fields = {"files": [upload], "tables": ["PGS"], "rows": "on"}
    preview = operator.get(operator.post(reverse("load_upload"), fields).url)
    assert "1 row replaces 1 row" in words(preview)
    assert operator.post(reverse("load_start"), load_form(preview)).status_code == 302
    loaded = Event.objects.get(kind=EventKind.LOADED)
    assert (loaded.actor, loaded.reason) == ("otto", "PGS single rows")

    text = page(operator, finding)
    assert f"Loaded at {loaded.at:%H:%M}" in text
    assert "4 dates are stale: " in text
    assert "./manage.py backfill --" in text
    assert states(finding)["source"] == states(finding)["preview"] == "done"
    job = start(operator, finding)
    assert states(finding)["run"] == "running"
    assert f"Job {job.pk} is " in page(operator, finding)
    run_all(job)
    assert (states(finding)["run"], states(finding)["audit"]) == ("done", "current")
    audit()
    assert set(states(finding).values()) == {"done"}
    assert finding.state == Finding.State.CLOSED
    assert not Finding.objects.listed().filter(severity__gt=0).exists()


@pytest.mark.parametrize("kind", ["low coverage", "duplicate input"])
def test_another_load_of_the_season_completes_no_step(kind: str, tmp_path: Path) -> None:
    rows = season_rows(PGS, [NIGHTS[10]])
    older = [row | {"processed_at": row["processed_at"] - timedelta(hours=1)} for row in rows]
    file = write_rows(tmp_path / f"{PGS.name}.parquet", PGS, [*rows, *older])
    one_date = LoadSelection.of("PGS", start=NIGHTS[10], end=NIGHTS[10])
    load(file, one_date)
    ran(make_options())
    run_audit()
    found = next(f for f in Finding.objects.filter(kind=kind) if str(NIGHTS[10]) in f.dates)
    record_load([found.season], "ann", LoadSelection.of("PGS", rows=True))
    assert states(found)["source"] == "current"

    load(write_rows(file, PGS, rows), one_date)
    assert states(found)["source"] == ("current" if kind == "low coverage" else "done")


def test_a_closed_finding_names_the_job_that_ran_it_and_failed_on_other_runs(
    operator: Client,
) -> None:
    ran(make_options())
    lose("PSZA", THIRD)
    audit()
    root = Finding.objects.get(kind="lost partition")
    job = run_all(start(operator, root))
    audit()
    Job.objects.filter(pk=job.pk).update(status=Job.Status.FAILED)
    job.runs.filter(date=THIRD, processor="ML").update(status="failed")
    assert states(root)["run"] == "done"
    assert f"Job {job.pk} ran it and failed on other runs" in page(operator, root)
    job.runs.filter(date=THIRD, processor="PSZA").update(status="failed")
    assert f"Job {job.pk} failed" in page(operator, root)


def test_the_page_of_a_run_never_calls_a_bug_expected(operator: Client, tmp_path: Path) -> None:
    spoil(tmp_path)
    job = ran(make_options())
    audit()
    run = next(r for r in job.runs.order_by("pk") if "PROCESSING_ERROR" in r.failures)
    text = words(operator.get(reverse("run", args=[run.pk])))
    assert "1 bug , never expected; everything else as expected." in text
    assert "All as expected" not in text
    document = Program("viewer").get(f"runs/{run.pk}").document
    assert [f["expected"] for f in document["failures"] if f["bug"]] == [0]


def test_the_load_page_opens_with_the_row_to_correct(operator: Client) -> None:
    html = operator.get(reverse("load"), {"tables": "PGS", "rows": "on"}).content.decode()
    assert re.search(r'name="tables" value="PGS"[^>]*checked', html)
    assert re.search(r'name="rows"[^>]*checked', html)
    assert len(re.findall(r'name="tables"[^>]*checked', html)) == 1


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"rows": "on"}, "select the tables of the file"),
        ({"rows": "on", "tables": ["PGS"], "start": str(FIRST)}, "clear the dates"),
    ],
)
def test_single_rows_need_their_table_and_no_dates(
    operator: Client, fields: dict[str, Any], sentence: str
) -> None:
    upload = SimpleUploadedFile(f"{PGS.name}.csv", b"x")
    answer = operator.post(reverse("load_upload"), {"files": [upload], **fields})
    assert answer.status_code == 422
    assert sentence in words(answer).lower()


def lose(code: str, day: date) -> None:
    """Remove a partition, then rerun what reads it."""
    part(warehouse_folder(), code, day).unlink()
    ran(make_options(day, day, processors=("PDC", "ML"), force=True))


def warehouse_folder() -> Path:
    return Path(settings.WAREHOUSE_URL.removeprefix("parquet:"))


def test_a_lost_partition_is_one_finding_with_its_consequences(operator: Client) -> None:
    ran(make_options())
    audit()
    lose("PSZA", THIRD)
    audit()
    root = Finding.objects.get(kind="lost partition")
    listed = list(Finding.objects.listed().filter(severity__gt=0))
    assert len(listed) > 2
    assert {f.root_id for f in listed} == {None, root.pk}

    # Counted once in the list, on Home, in the menu, the API and the shell.
    triage = operator.get(reverse("triage"))
    assert [row.finding for kind in triage.context["listing"].kinds for row in kind.rows] == [root]
    assert f"{len(listed) - 1} consequences" in words(triage)
    assert re.search(r'nav-count-bad"[^>]*>1<', triage.content.decode())
    home = words(operator.get(reverse("home")))
    assert "1 finding in Triage" in home
    answer = Program("viewer").get("findings").document
    assert answer["count"] == 1
    (of_api,) = answer["findings"]
    assert len(of_api["consequences"]) == len(listed) - 1
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("triage", "--json", stdout=out)
    (of_shell,) = [f for f in json.loads(out.getvalue())["findings"] if f["severity"] != "note"]
    assert [f["finding"] for f in of_shell["consequences"]] == [
        f["finding"] for f in of_api["consequences"]
    ]

    # A consequence leads to its root.
    below = next(f for f in listed if f.root_id)
    text = operator.get(reverse("finding", args=[below.pk])).content.decode()
    assert f'href="{reverse("finding", args=[root.pk])}#fix"' in text
    assert 'name="previewed"' not in text

    job = start(operator, root)
    assert operator.get(reverse("job", args=[job.pk])).status_code == 200
    run_all(job)
    assert operator.get(reverse("job", args=[job.pk])).status_code == 200
    audit()
    assert operator.get(reverse("job", args=[job.pk])).status_code == 200
    assert set(states(root).values()) == {"done"}
    assert not Finding.objects.listed().filter(severity__gt=0).exists()
    assert root.consequences.count() == len(listed) - 1


def test_a_marked_root_hides_its_consequences_with_it(operator: Client) -> None:
    ran(make_options())
    lose("PSZA", THIRD)
    audit()
    root = Finding.objects.get(kind="lost partition")
    fields = {"state": "expected", "note": "an experiment"}
    operator.post(reverse("finding", args=[root.pk]), fields)
    assert not Finding.objects.listed().filter(severity__gt=0).exists()


def test_an_open_page_follows_the_steps(operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stamps, "SECONDS", 0)
    ran(make_options())
    lose("PSZA", SECOND)
    audit()
    root = Finding.objects.get(kind="lost partition")
    opened = OpenPage.of(operator, reverse("finding", args=[root.pk]))
    assert "fix" in opened.seen
    job = start(operator, root)
    assert "fix" in opened.poll()
    assert f"Job {job.pk} is " in opened.html
    run_all(job)
    assert "fix" in opened.poll()
    assert "All runs are complete and up to date" in opened.html
    audit()
    assert {"fix", "finding-state", "history"} <= opened.poll().keys()
    assert "The evidence is gone" in opened.html


def test_a_viewer_sees_the_steps_without_buttons(viewer: Client) -> None:
    ran(make_options())
    lose("PSZA", LAST)
    audit()
    root = Finding.objects.get(kind="lost partition")
    html = viewer.get(reverse("finding", args=[root.pk])).content.decode()
    steps = html.partition('id="fix"')[2].partition("</section>")[0]
    assert 'type="submit"' not in steps
    assert "operators only" in steps.lower()
