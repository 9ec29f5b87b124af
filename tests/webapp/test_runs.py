"""Runs: filters, pages, attempts and CSV download."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now

from backfill.models import Event, Job, Run
from backfill.status.run_search import Search
from tests.webapp.demo import FAULTY, Demo
from webapp.ui.tables import PAGE_SIZES

pytestmark = [pytest.mark.database, pytest.mark.django_db]
DAY = "2021-11-22"
HOSTILE = '=HYPERLINK("http://x")<script>alert(1)</script>'


def page(client: Client, **query: Any) -> str:
    answer = client.get(reverse("runs"), query)
    assert answer.status_code == 200
    return answer.content.decode()


def downloaded(client: Client, **query: Any) -> list[list[str]]:
    answer = client.get(reverse("runs_csv"), query)
    return list(csv.reader(io.StringIO(b"".join(answer).decode())))


def another_attempt(**fields: Any) -> Run:
    """Make a second job that ran PSZA on the day again."""
    first = Job.objects.earliest("pk")
    job = Job.objects.create(
        options=first.options,
        actor="otto",
        code_version="0.1.0",
        batch_size=1,
        status=Job.Status.FAILED,
    )
    made = {
        "job": job,
        "processor": "PSZA",
        "date": date.fromisoformat(DAY),
        "batch": 0,
        "status": Run.Status.FAILED,
        **fields,
    }
    return Run.objects.create(**made)


@pytest.mark.parametrize(
    "query",
    [
        {"processor": "PSZA"}, {"processor": "PSZA", "state": "skipped"}, {"season": 2021, "processor": "ML"}, {"date": DAY},
        {"start": "2021-12-01", "end": "2021-12-05"}, {"job": 1_000_000}, {"text": "bootstrap", "processor": "TDZA"},
        {"text": "BOOTSTRAP: day 3", "date": "2021-10-22"},
    ],
)  # fmt: skip
def test_a_filter_leaves_what_it_says(viewer: Client, demo: Demo, query: dict[str, Any]) -> None:
    names = {
        "processor": "processor",
        "state": "status",
        "date": "date",
        "start": "date__gte",
        "end": "date__lte",
        "job": "job",
    }
    wanted = Run.objects.filter(
        **{names[name]: value for name, value in query.items() if name in names}
    )
    wanted = wanted.filter(reason__icontains=query["text"]) if "text" in query else wanted
    assert sorted(row[0] for row in downloaded(viewer, **query)[1:]) == sorted(
        wanted.values_list("run_id", flat=True)
    )
    for size in PAGE_SIZES[:2]:
        shown = page(viewer, **query, size=size)
        assert shown.count('<th scope="row"><a class="mono"') == min(size, wanted.count())
        assert ('aria-label="Pages"' in shown) == (wanted.count() > 25)


def test_pages_together_are_all_runs_without_one_twice(demo: Demo) -> None:
    search, found, number, is_more = Search(), [], 1, True
    while is_more:
        runs, is_more = search.page("-seconds", number, 100)
        found += [run.pk for run in runs]
        number += 1
    assert len(found) == len(set(found)) == Run.objects.count()


def test_a_page_counts_nothing_and_asks_a_constant_number_of_queries(
    viewer: Client, demo: Demo, django_assert_max_num_queries: Any
) -> None:
    page(viewer)
    with django_assert_max_num_queries(12) as asked:
        page(viewer, sort="-seconds")
    assert not [
        q for q in asked.captured_queries if "COUNT(" in q["sql"] and "backfill_run" in q["sql"]
    ]


def test_attempts_of_a_processor_and_date_lead_to_their_runs(viewer: Client, demo: Demo) -> None:
    second = another_attempt(
        reason="the disk was full",
        error="WarehouseUnwritable",
        checks=[
            {"name": "freshness", "status": "warned", "seconds": 0.25, "why": "PGS is 30 h old"}
        ],
    )
    Event.objects.create(
        job=second.job,
        run=second,
        actor="otto",
        action="running → failed",
        reason="the disk was full",
    )
    shown = page(viewer, processor="PSZA", date=DAY)
    first = Run.objects.exclude(pk=second.pk).get(processor="PSZA", date=DAY)
    assert shown.index(f"/runs/{second.pk}/") < shown.index(f"/runs/{first.pk}/")
    assert "the disk was full" in shown
    of_run = viewer.get(reverse("run", args=[second.pk])).content.decode()
    assert "running → failed by otto: the disk was full" in of_run
    assert "warned: PGS is 30 h old" in of_run


def test_a_row_offers_what_would_do_something(operator: Client, viewer: Client, demo: Demo) -> None:
    failed = another_attempt(error="WarehouseBusy", reason="rate limit", started_at=now())
    retry = f'href="/jobs/{failed.job_id}/retry/?processor=PSZA&amp;start={DAY}&amp;end={DAY}"'
    assert retry in page(operator, job=failed.job_id)
    assert retry not in page(viewer, job=failed.job_id)
    # Expected failures are not retried; the reason is there instead.
    assert "all failures are expected" in page(operator, processor="PSZA", date="2021-11-02")
    replaced = another_attempt(status="complete", started_at=now() + timedelta(seconds=1))
    assert retry not in page(operator, job=failed.job_id)
    Run.objects.filter(pk=replaced.pk).update(status="running")
    Job.objects.filter(pk=replaced.job_id).update(status="running")
    shown = page(operator, job=replaced.job_id)
    assert f'hx-get="/jobs/{replaced.job_id}/cancel/"' in shown
    assert "/cancel/" not in page(viewer, job=replaced.job_id)


@pytest.mark.parametrize("size", ["0", "24", "1000", "x"])
def test_a_page_size_that_is_not_offered_is_refused(viewer: Client, db: None, size: str) -> None:
    answer = viewer.get(reverse("runs"), {"size": size})
    assert answer.status_code == 422
    assert "ize takes" in answer.content.decode()


def test_what_older_code_made_is_a_selection_that_one_can_backfill(
    viewer: Client, demo: Demo
) -> None:
    assert "No stale runs" in page(viewer, older=1)
    Run.objects.filter(processor="PDC", date__in=["2021-11-22", "2021-11-24"]).update(
        sql_hash="0ld"
    )
    shown = page(viewer, older=1)
    assert shown.count('<th scope="row"><a class="mono"') == 2
    assert (
        f"{reverse('backfill_new')}?start=2021-11-22&amp;end=2021-11-24&amp;processors=PDC&amp;what=outdated"
        in shown
    )


def test_a_run_that_was_superseded_is_not_made_by_older_code(viewer: Client, demo: Demo) -> None:
    Run.objects.filter(processor="PSZA", date=DAY).update(sql_hash="0ld")
    newer = Run.objects.get(processor="PSZA", date=DAY).finished_at
    another_attempt(status=Run.Status.COMPLETE, sql_hash="", started_at=newer)
    assert "No stale runs" in page(viewer, older=1)


def test_hostile_text_is_text_on_the_page_and_no_formula_in_the_file(
    viewer: Client, demo: Demo
) -> None:
    another_attempt(reason=HOSTILE)
    assert "<script>alert" not in page(viewer, processor="PSZA", date=DAY) + page(
        viewer, text="HYPERLINK"
    )
    header, row = downloaded(viewer, text="HYPERLINK")
    assert row[header.index("why")] == f"'{HOSTILE}"


def test_a_file_has_the_numbers_of_the_runs(viewer: Client, demo: Demo) -> None:
    run = Run.objects.get(processor="PSZA", date=FAULTY)
    header, row = downloaded(viewer, processor="PSZA", date=str(FAULTY))
    read = dict(zip(header, row, strict=True))
    assert (read["run_id"], read["rows"], read["population"]) == (
        run.run_id,
        str(run.rows),
        str(run.population),
    )
    assert f"INSUFFICIENT_DATA {run.failures['INSUFFICIENT_DATA']}" in read["failures"]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"processor": "XYZ"}, "choose from TDZA"), ({"state": "lost"}, "choose from pending"),
        ({"date": "yesterday"}, "takes a date"),
        ({"sort": "why"}, "runs are sorted by"), ({"page": "0"}, "page takes 1 to 800"), ({"page": "9999"}, "filter by season"),
        ({"start": "2021-12-01", "end": "2021-11-01"}, "the last date 2021-11-01 is before the first date 2021-12-01"),
        ({"season": "99999"}, "takes a year"), ({"job": "99999999999999999999"}, "takes a whole number"),
    ],
)  # fmt: skip
def test_a_filter_that_is_wrong_is_said_in_one_sentence(
    viewer: Client, db: None, query: dict[str, str], sentence: str
) -> None:
    for name in ("runs", "runs_csv"):
        if name == "runs_csv" and "page" in query:
            continue
        answer = viewer.get(reverse(name), query)
        assert answer.status_code == 422
        assert sentence.lower() in answer.content.decode().lower()


def test_without_runs_it_leads_to_the_first_backfill(viewer: Client, db: None) -> None:
    assert "No matching runs" in page(viewer, text="no run has this text")
    Job.objects.all().delete()
    assert "No runs" in page(viewer)
    assert reverse("backfill_new") in page(viewer).partition("<main")[2]
