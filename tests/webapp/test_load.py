"""Load page: upload or folder, preview with errors and stale runs, load, stale runs afterwards."""

from __future__ import annotations

import re
import stat
import time
from datetime import datetime
from html import unescape
from io import BytesIO
from os import utime
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from backfill.audit.marking import run_audit
from backfill.ingest.load import load
from backfill.ingest.selection import LoadSelection
from backfill.models import Run
from backfill.status.season_grid import season_grid
from backfill.warehouse import warehouse
from backfill.warehouse.parquet.unfinished import UnfinishedFile
from backfill.warehouse.tables import INPUTS, PGS, UPGC
from tests.backfill.ingest.forms import zipped
from tests.backfill.working import make_job, run_all
from tests.factories import file_of, phase3_folder, rewrite, write_rows
from tests.seasons.tiny import NIGHTS, SECOND, season_rows
from tests.webapp.calls import Program
from validation.findings import kinds
from webapp.models import Role
from webapp.pages.load import uploads

pytestmark = [pytest.mark.database, pytest.mark.django_db]
LATER = datetime(2022, 3, 1)


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Path, own_warehouse: Path) -> None:
    """Set a private folder for uploads, and one allowed folder."""
    settings.UPLOADS = settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "uploads"
    settings.UPLOADS.mkdir(mode=0o700)
    settings.LOAD_FOLDERS = [str(tmp_path / "allowed")]
    (tmp_path / "allowed").mkdir()


@pytest.fixture
def late(tmp_path: Path) -> Path:
    """An allowed folder with one late file: contexts that Phase 3 wrote later."""
    folder = tmp_path / "allowed" / "late"
    rows = [{**row, "processed_at": LATER} for row in season_rows(UPGC)]
    write_rows(file_of(folder, UPGC), UPGC, rows)
    return folder


def words(answer: Any) -> str:
    text = re.sub(r"<(script|style).*?</\1>|<[^>]+>", " ", answer.content.decode(), flags=re.DOTALL)
    return " ".join(unescape(text).split())


def files(*paths: Path) -> list[SimpleUploadedFile]:
    return [SimpleUploadedFile(path.name, path.read_bytes()) for path in paths]


def send(browser: Client, *paths: Path, **fields: Any) -> Any:
    return browser.post(reverse("load_upload"), {"files": files(*paths), **fields})


def load_form(answer: Any) -> dict[str, str]:
    """Return the hidden fields of the preview's form."""
    inputs = re.findall(
        r'name="(source|tables|start|end|rows)"\s+value="([^"]*)"', answer.content.decode()
    )
    return {name: unescape(value) for name, value in inputs}


def kept(settings: Any) -> list[str]:
    return sorted(path.name for path in settings.UPLOADS.iterdir() if path.name != "lock")


def test_an_upload_is_previewed_then_loaded_and_removed(
    operator: Client, tmp_path: Path, settings: Any
) -> None:
    answer = send(operator, zipped(phase3_folder(tmp_path / "phase3")))
    assert (answer.status_code, answer.url[:30]) == (
        302,
        "/load/preview/?source=upload:x"[:29] + answer.url[29],
    )
    (token,) = kept(settings)
    folder = settings.UPLOADS / token
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(f.stat().st_mode) for f in folder.iterdir()} == {0o600}
    preview = operator.get(answer.url)
    assert preview.status_code == 200
    assert "phase3.zip. Nothing is loaded yet." in words(preview)
    assert "No complete run becomes stale." in words(preview)
    assert warehouse().seasons(PGS) == set()
    loaded = operator.post(reverse("load_start"), load_form(preview), follow=True)
    assert "Season 2021-22 loaded in" in words(loaded)
    assert (warehouse().seasons(PGS), kept(settings)) == ({2021}, [])


def test_several_files_of_one_upload_are_one_input(operator: Client, tmp_path: Path) -> None:
    folder = phase3_folder(tmp_path / "phase3", suffix=".csv")
    answer = send(operator, *[file_of(folder, table, ".csv") for table in INPUTS])
    preview = operator.get(answer.url)
    assert (preview.status_code, "Load season 2021-22" in words(preview)) == (200, True)


@pytest.mark.usefixtures("season")
def test_a_late_file_of_a_folder_shows_its_stale_runs_before_and_after(
    operator: Client, late: Path
) -> None:
    run_all(make_job(batch_size=4))
    before = Run.objects.count()
    answer = operator.post(
        reverse("load_upload"), {"folder": str(late), "tables": ["UPGC"], "start": str(SECOND)}
    )
    preview = operator.get(answer.url)
    text = words(preview)
    stale = f"3 runs of PCF, PDC, ML on 1 date: {SECOND}"
    assert f"After the load, inputs of complete runs have changed: {stale}." in text
    assert f"2 rows on {SECOND} replace 2 rows" in text
    assert Run.objects.count() == before
    assert stale not in words(operator.get(reverse("load")))
    loaded = operator.post(reverse("load_start"), load_form(preview), follow=True)
    assert f"Inputs of complete runs changed: {stale}." in words(loaded)
    link = f"/backfills/new/?start={SECOND}&amp;end={SECOND}&amp;what=outdated"
    assert link in loaded.content.decode()
    assert late.exists()  # folders are not removed


@pytest.mark.usefixtures("season")
def test_a_load_after_the_audit_shows_its_stale_runs_everywhere(
    operator: Client, late: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_all(make_job(batch_size=4))
    run_audit(SECOND, SECOND)
    pages = [reverse("home"), reverse("triage"), reverse("coverage")]
    sentence = f"Phase 3 changed after this audit: 3 runs are stale, {SECOND}."
    assert not [page for page in pages if sentence in words(operator.get(page))]
    call_command("validate_pipeline", str(SECOND))
    capsys.readouterr()
    load(late, LoadSelection.of("UPGC", SECOND, SECOND))
    assert [sentence in words(operator.get(page)) for page in pages] == [True, True, True]
    assert season_grid(2021).counts()["outdated"] == 3
    cards = operator.get(reverse("date", args=[SECOND])).context["cards"]
    assert {c.code for c in cards if c.cell.state == "outdated"} == {"PCF", "PDC", "ML"}
    with pytest.raises(SystemExit, match="1"):
        call_command("validate_pipeline", str(SECOND))
    rerun = (
        f"3 of them stale; `manage.py backfill --start {SECOND} --end {SECOND} --stale` reruns them"
    )
    assert capsys.readouterr().out.splitlines()[-1] == rerun
    call_command("backfill", f"--start={SECOND}", f"--end={SECOND}")
    assert capsys.readouterr().out == (
        f"{SECOND} to {SECOND}: everything is complete; --force runs it again; 3 runs are stale: --stale reruns them\n"
    )
    run_audit(SECOND, SECOND)  # from now on a finding shows them
    assert not [page for page in pages if sentence in words(operator.get(page))]
    assert season_grid(2021).counts()["outdated"] == 3


def test_tables_that_contradict_each_other_are_findings_of_the_preview(
    operator: Client, tmp_path: Path
) -> None:
    folder = phase3_folder(tmp_path / "allowed" / "wrong")
    own_opponent = "SELECT * REPLACE (team_abbr AS opponent_team_abbr) FROM t"
    rewrite(file_of(folder, UPGC), own_opponent)
    answer = operator.post(reverse("load_upload"), {"folder": str(folder)})
    preview = operator.get(answer.url)
    assert "upcoming_player_game_context" in words(preview).partition("Findings")[2]
    (wrong,) = [f for f in preview.context["found"].findings if f.kind is kinds.OPPONENT]
    assert wrong.sentence in words(preview)
    assert reverse("load_start") in preview.content.decode()
    answer = Program(Role.OPERATOR).post("loads/preview", folder=str(folder))
    assert wrong.sentence in [found["sentence"] for found in answer.document["findings"]]


def test_every_error_is_shown_and_nothing_can_be_loaded(
    operator: Client, tmp_path: Path, settings: Any
) -> None:
    folder = phase3_folder(tmp_path / "phase3")
    answer = send(operator, file_of(folder, PGS))
    preview = operator.get(answer.url)
    assert preview.status_code == 422
    assert "no file in the upload; found: nothing else" in words(preview)
    assert str(settings.UPLOADS) not in preview.content.decode()
    assert reverse("load_start") not in preview.content.decode()
    forced = operator.post(
        reverse("load_start"), load_form(preview) | {"tables": "", "start": "", "end": ""}
    )
    assert (forced.status_code, warehouse().seasons(PGS)) == (422, set())
    cancelled = operator.post(reverse("load_remove"), load_form(preview))
    assert (cancelled.status_code, kept(settings)) == (302, [])
    assert "upload the files again" in words(operator.get(answer.url))


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, "Select files or a folder"),
        ({"folder": "/etc"}, "Select one of the folders of LOAD_FOLDERS"),
        ({"end": "2021-11-01"}, "Enter the first date too"),
        ({"start": "1.11.2021"}, "Enter a date as YYYY-MM-DD"),
        ({"start": "2021-11-05", "end": "2021-11-01"}, "The last date 2021-11-01 is before the first"),
        ({"tables": ["NONE"]}, "NONE is not one of the available choices"),
    ],
)  # fmt: skip
def test_a_wrong_form_is_one_error_beside_its_field(
    operator: Client, fields: dict[str, Any], sentence: str
) -> None:
    answer = operator.post(reverse("load_upload"), fields)
    assert (answer.status_code, sentence in words(answer)) == (422, True)


@pytest.mark.parametrize(
    "source", ["/etc", "upload:../..", "upload:", "nowhere", "upload:" + "x" * 22]
)
def test_no_other_folder_is_read(operator: Client, source: str) -> None:
    for answer in (
        operator.get(reverse("load_preview"), {"source": source}),
        operator.post(reverse("load_start"), {"source": source}),
    ):
        assert answer.status_code == 422
        assert "LOAD_FOLDERS" in words(answer) or "upload the files again" in words(answer)


def test_too_large_an_upload_is_refused_and_leaves_nothing(
    operator: Client, settings: Any, tmp_path: Path
) -> None:
    settings.UPLOAD_MAX_MB = 1
    file = tmp_path / "large.csv"
    file.write_bytes(b"x" * 2 * 2**20)
    answer = send(operator, file)
    assert (answer.status_code, "larger than 1 MB" in words(answer)) == (422, True)
    assert kept(settings) == []


def test_files_of_other_requests_and_roles_are_not_stored(
    viewer: Client, operator: Client, client: Client, settings: Any, tmp_path: Path
) -> None:
    for browser, url in (
        (viewer, reverse("load_upload")),
        (client, reverse("load_upload")),
        (operator, reverse("load_remove")),
    ):
        content = BytesIO(b"x" * 100)
        content.name = "a.csv"
        browser.post(url, {"files": content})
        assert kept(settings) == []


def test_one_load_runs_at_a_time(operator: Client, late: Path, settings: Any) -> None:
    with UnfinishedFile(settings.UPLOADS).held():
        answer = operator.post(reverse("load_start"), {"source": str(late), "tables": "UPGC"})
    assert answer.status_code == 422
    assert "nother load is running; wait until it has ended" in words(answer)


def test_old_uploads_are_removed(settings: Any) -> None:
    for name, age in (("old", uploads.KEPT_SECONDS + 60), ("new", 60)):
        (settings.UPLOADS / name).mkdir()
        utime(settings.UPLOADS / name, (time.time() - age,) * 2)
    uploads.remove_old()
    assert kept(settings) == ["new"]


@pytest.mark.usefixtures("season")
def test_bigquery_shows_the_tables_instead_of_the_form(
    operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("pages.load.views", "load_access"):
        monkeypatch.setattr(f"webapp.{module}.is_bigquery", lambda: True)
    page = operator.get(reverse("load"))
    assert "Phase 3 writes its tables to BigQuery." in words(page)
    assert 'type="file"' not in page.content.decode()
    dates = f"{NIGHTS[0]} to {NIGHTS[-1]}"
    assert f"game_ summary 36 18 {NIGHTS[-1]} {dates} 2021-11-06 10:00" in words(page)
    refused = operator.post(reverse("load_upload"), {})
    assert (
        refused.status_code,
        "n BigQuery, Phase 3 writes the tables itself" in words(refused),
    ) == (422, True)


def test_viewers_do_not_see_the_page(viewer: Client, operator: Client) -> None:
    assert reverse("load") not in viewer.get(reverse("coverage")).content.decode()
    assert reverse("load") in operator.get(reverse("coverage")).content.decode()
    assert viewer.get(reverse("load")).status_code == 403


# The API


@pytest.mark.usefixtures("season")
def test_the_api_previews_and_loads_like_the_page(late: Path) -> None:
    run_all(make_job(batch_size=4))
    program, day = Program(Role.OPERATOR), str(SECOND)
    given = {"folder": str(late), "tables": ["UPGC"], "start": day}
    stale = {
        "runs": 3,
        "dates": [day],
        "command": f"manage.py backfill --start {day} --end {day} --stale",
    }
    found = program.post("loads/preview", **given)
    assert (found.status, found.document["problems"], found.document["stale"]) == (200, [], stale)
    loaded = program.post("loads", **given)
    assert (loaded.status, loaded.document["seasons"], loaded.document["stale"]) == (
        200,
        [2021],
        stale,
    )


def test_the_api_refuses_what_the_page_refuses(late: Path) -> None:
    program = Program(Role.OPERATOR)
    for given, sentence in (
        ({"folder": "/etc"}, "'/etc' is not one of the folders of LOAD_FOLDERS"),
        ({"folder": str(late), "tables": ["X"]}, "'X' is no input table; known: PGS"),
        ({"folder": str(late), "end": "2021-11-01"}, "the end 2021-11-01 needs a start"),
        ({"folder": str(late)}, "nba_reference.nba_schedule, nba_analytics.player_game_summary, "),
    ):
        answer = program.post("loads", **given)
        assert (answer.status, answer.detail.startswith(sentence)) == (422, True), answer
    assert Program(Role.VIEWER).post("loads", folder=str(late)).status == 403
