"""Pages of a job's diff: counts, filters, values and downloads."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from backfill.models import Job
from backfill.versions.job_diff import job_diff
from tests.backfill.status.test_change_summary import lose_games_of_a_player, overwrite
from tests.seasons.tiny import PROCESSING, SECOND
from tests.webapp.calls import Program
from webapp.models import Role

pytestmark = [pytest.mark.database, pytest.mark.django_db, pytest.mark.usefixtures("season")]


@pytest.fixture
def job(season: None, tmp_path: Path) -> Job:
    """A job that removed the rows of a player, and changed those of his opponents."""
    overwrite()
    lose_games_of_a_player(tmp_path)
    return overwrite()


def read(client: Client, name: str, *args: object, **query: object) -> str:
    answer = client.get(reverse(name, args=args), query)
    assert answer.status_code == 200, answer.content.decode()
    return " ".join(answer.content.decode().split())


def test_a_job_shows_its_changes_and_links_to_its_diff(viewer: Client, job: Job) -> None:
    page = read(viewer, "job", job.pk)
    assert f'<a href="/jobs/{job.pk}/diff/?change=removed">4</a>' in page
    assert f'<a href="/jobs/{job.pk}/diff/?change=appeared">4</a>' in page
    first = Job.objects.order_by("pk")[0]
    assert 'id="changes-title"' not in read(viewer, "job", first.pk)
    assert "This job replaced nothing." in read(viewer, "job_diff", first.pk)


def test_the_diff_lists_the_runs_that_differ_or_those_of_a_filter(viewer: Client, job: Job) -> None:
    runs = job_diff(job).runs
    page = read(viewer, "job_diff", job.pk)
    differing = [run for run in runs if run.differs]
    assert 0 < len(differing) < len(runs) == 8
    assert f"{len(differing)} of 8" in page
    assert all(f'href="/runs/{run.pk}/">{run.pk}</a>' in page for run in differing)
    assert f"{len(runs)} of 8" in read(viewer, "job_diff", job.pk, change="all")
    assert "4 of 8" in read(viewer, "job_diff", job.pk, change="removed")
    assert "No runs with such a difference" in read(viewer, "job_diff", job.pk, change="gone")
    assert "1 of 1" in read(viewer, "job_diff", job.pk, processor="PSZA", date=SECOND)


def test_the_grid_shows_the_share_of_rows_that_differ(viewer: Client, job: Job) -> None:
    page = read(viewer, "job_diff", job.pk)
    for run in job_diff(job).runs:
        slug = "many" if run.differs else "kept"
        assert f'<a class="cell s-{slug}" id="diff-{run.processor}-{run.date}"' in page


def test_values_are_listed_with_their_entities(viewer: Client, job: Job) -> None:
    page = read(viewer, "job_diff_values", job.pk, processor="PSZA", date=SECOND)
    assert "<td>failure added</td>" in page
    assert "<td>row removed</td>" in page
    assert "<code>INSUFFICIENT_DATA</code></td><td>appeared</td>" in page
    assert f'href="/dates/{SECOND}/PSZA/' in page
    fragment = viewer.get(
        reverse("job_diff_values", args=[job.pk]), headers={"HX-Request": "true"}
    ).content.decode()
    assert fragment.lstrip().startswith('<div id="diff-values"')


def test_a_column_lists_its_rows(viewer: Client, tmp_path: Path) -> None:
    from tests.backfill.versions.test_replaced import correct

    overwrite("PSZA")
    correct(tmp_path, paint_attempts=19)
    job = overwrite("PSZA")
    page = read(viewer, "job_diff_values", job.pk)
    assert (
        f'href="/jobs/{job.pk}/diff/values/?processor=PSZA&amp;column=paint_rate_last_20">3</a>'
        in page
    )
    chosen = read(viewer, "job_diff_values", job.pk, column="paint_rate_last_20")
    assert chosen.count("<td>row changed</td>") == 3
    assert "No differences." in read(viewer, "job_diff_values", job.pk, column="early_season_flag")


def test_invalid_filters_are_refused_with_a_sentence(viewer: Client, job: Job) -> None:
    for name in ("job_diff", "job_diff_values"):
        for query, words in (
            ({"date": "2021-12-31"}, "did not run 2021-12-31"),
            ({"date": "soon"}, "takes a date such as"),
            ({"processor": "ML"}, "did not run ML"),
            ({"change": "none"}, "is no change"),
        ):
            answer = viewer.get(reverse(name, args=[job.pk]), query)
            assert answer.status_code == 422
            assert words in answer.content.decode()
        assert viewer.get(reverse(name, args=[99999])).status_code == 404


def test_versions_that_are_gone_are_named(viewer: Client, job: Job, own_warehouse: Path) -> None:
    for kept in (own_warehouse / ".versions").rglob("*.parquet"):
        kept.unlink()
    assert "Versions of " in read(viewer, "job_diff_values", job.pk)
    assert "4 of 8" in read(viewer, "job_diff", job.pk, change="removed")  # the counts stay


def test_downloads_have_the_same_numbers(viewer: Client, job: Job) -> None:
    answer = viewer.get(reverse("job_diff_file", args=[job.pk, "csv"]))
    lines = list(csv.DictReader(b"".join(answer).decode().splitlines()))
    runs = job_diff(job).runs
    assert [(line["processor"], line["date"]) for line in lines] == [
        (run.processor, str(run.date)) for run in runs
    ]
    assert sum(int(line["rows_removed"]) for line in lines) == len(PROCESSING)
    document = json.loads(viewer.get(reverse("job_diff_file", args=[job.pk, "json"])).content)
    assert document["summary"]["rows"]["removed"] == len(PROCESSING)
    assert Program(Role.VIEWER).get(f"jobs/{job.pk}/diff", columns="true").document == document


def test_the_api_refuses_with_a_sentence(job: Job) -> None:
    api = Program(Role.VIEWER)
    assert api.get("jobs/99999/diff").status == 404
    refused = api.get(f"jobs/{job.pk}/diff", date="2021-12-31")
    assert (refused.status, "did not run" in refused.detail) == (422, True)
    gone = api.get("versions/diff", processor="PSZA", date=str(SECOND), old=12345)
    assert (gone.status, "has no such versions" in gone.detail) == (422, True)
    run = next(r for r in job_diff(job).runs if (r.processor, r.date) == ("PSZA", SECOND))
    found = api.get("versions/diff", processor="PSZA", date=str(SECOND), old=run.replaced)
    assert found.document["rows"] == {"added": 0, "removed": 1, "changed": 0, "unchanged": 1}
