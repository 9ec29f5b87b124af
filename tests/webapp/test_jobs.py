"""List of jobs: filtered by its query string, polled while a job runs."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse

from backfill.models import Job
from tests.webapp.demo import START, Demo
from validation.categories import count_bugs
from webapp.pages.job.list import ORDERS

pytestmark = [pytest.mark.database, pytest.mark.django_db]


def make_job(demo: Demo, **fields: object) -> Job:
    """Make a job without runs, with the options of the demo's."""
    like = Job.objects.earliest("pk")
    given = {
        "status": "succeeded",
        "actor": "ann",
        "options": like.options,
        "code_version": "x",
        "batch_size": 1,
        **fields,
    }
    return Job.objects.create(**given)


def listed(client: Client, **query: str) -> list[int]:
    answer = client.get(reverse("jobs"), query)
    assert answer.status_code == 200
    return [int(n) for n in re.findall(r'<tr id="job-(\d+)">', answer.content.decode())]


def test_the_newest_job_comes_first_and_each_filter_is_in_the_query_string(
    viewer: Client, demo: Demo
) -> None:
    first = Job.objects.get()
    second = make_job(
        demo, actor="bea", options={**first.options, "mode": "normal"}, status="paused"
    )
    assert listed(viewer) == [second.pk, first.pk]
    assert listed(viewer, who="bea") == [second.pk]
    assert listed(viewer, mode="backfill") == [first.pk]
    assert listed(viewer, state="paused") == listed(viewer, state="under way") == [second.pk]
    assert listed(viewer, season=str(START.year)) == [first.pk]


@pytest.mark.parametrize("query", [{"season": "1999"}, {"state": "cancelling"}, {"who": "nobody"}])
def test_a_filter_that_fits_nothing_says_so_and_leads_back(
    viewer: Client, demo: Demo, query: dict[str, str]
) -> None:
    answer = viewer.get(reverse("jobs"), query)
    assert "No matching jobs" in answer.content.decode()


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"season": "soon"}, "Season takes a whole number, not 'soon'"),
        ({"season": "99999"}, "Season takes a year such as 2021, not 99999"),
        ({"state": "lost"}, "'lost' is no state of a job"),
        ({"mode": "fast"}, "'fast' is no mode; choose from backfill, normal"),
    ],
)
def test_a_filter_that_cannot_be_meant_is_refused(
    viewer: Client, demo: Demo, query: dict[str, str], sentence: str
) -> None:
    answer = viewer.get(reverse("jobs"), query)
    assert answer.status_code == 422
    assert sentence in unescape(answer.content.decode())


def test_a_page_past_the_end_shows_the_last(viewer: Client, demo: Demo) -> None:
    assert listed(viewer, page="77") == [Job.objects.get().pk]


def test_a_page_that_is_no_number_is_refused(viewer: Client, demo: Demo) -> None:
    answer = viewer.get(reverse("jobs"), {"page": "x"})
    assert answer.status_code == 422
    assert "Page takes a whole number, not 'x'" in unescape(answer.content.decode())


def test_pages_lead_to_each_other_with_filters_and_position(viewer: Client, demo: Demo) -> None:
    for _ in range(60):
        make_job(demo, status=Job.Status.FAILED)
    shown = viewer.get(reverse("jobs"), {"state": "failed", "page": "2"}).content.decode()
    assert re.search(r'rel="prev"\s+href="/jobs/\?state=failed&amp;page=1"', shown)
    assert re.search(r'rel="next"\s+href="/jobs/\?state=failed&amp;page=3"', shown)
    assert f"26–50 of {Job.objects.filter(status=Job.Status.FAILED).count()}" in shown


def test_without_a_job_the_list_leads_to_the_first_backfill(viewer: Client, demo: Demo) -> None:
    Job.objects.all().delete()
    assert "Plan backfill" in viewer.get(reverse("jobs")).content.decode()


def test_a_retry_is_marked_at_both_ends(viewer: Client, demo: Demo) -> None:
    first = Job.objects.get()
    retry = make_job(demo, retry_of=first)
    html = viewer.get(reverse("jobs")).content.decode()
    assert f'retry of <a href="/jobs/{first.pk}/">' in html
    assert f'retried by <a href="/jobs/{retry.pk}/">' in html


def test_the_list_asks_as_often_for_many_jobs_as_for_one(
    viewer: Client, demo: Demo, django_assert_max_num_queries: object
) -> None:
    viewer.get(reverse("jobs"))
    with django_assert_max_num_queries(22) as one:
        viewer.get(reverse("jobs"))
    for _ in range(20):
        make_job(demo)
    with django_assert_max_num_queries(len(one.captured_queries)):
        viewer.get(reverse("jobs"))


def test_a_reason_is_shown_as_text(viewer: Client, demo: Demo) -> None:
    make_job(demo, reason="<script>alert(1)</script>")
    html = viewer.get(reverse("jobs")).content.decode()
    assert "&lt;script&gt;alert(1)" in html
    assert "<script>alert(1)" not in html


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("job 1000001", [1000001]), ("1000001", [1000001]), ("bea", [1000001]), ("NIGHTLY", [1000001]),
        ("2021-11-22", "first"), ("2021-07-01", []), ("nothing like it", []),
    ],
)  # fmt: skip
def test_a_search_finds_numbers_people_reasons_and_dates(
    viewer: Client, demo: Demo, text: str, found: object
) -> None:
    first = Job.objects.get()
    make_job(demo, pk=1000001, actor="bea", reason="the nightly run")
    assert listed(viewer, q=text) == ([first.pk] if found == "first" else found)


def test_every_column_sorts_both_ways(viewer: Client, demo: Demo) -> None:
    first = Job.objects.get()
    later = {**first.options, "start": "2022-01-01"}
    made = make_job(demo, actor="zoe", options=later)
    for order in ORDERS:
        one, other = listed(viewer, sort=order), listed(viewer, sort=f"-{order}")
        assert sorted(one) == sorted(other) == sorted([first.pk, made.pk])
    assert listed(viewer, sort="who")[-1] == made.pk
    assert listed(viewer, sort="-dates")[0] == made.pk
    assert listed(viewer, sort="-failed")[0] == first.pk
    answer = viewer.get(reverse("jobs"), {"sort": "age"})
    assert (answer.status_code, "obs are sorted by" in answer.content.decode()) == (422, True)


def test_a_row_offers_what_would_do_something(operator: Client, viewer: Client, demo: Demo) -> None:
    first = Job.objects.get()
    running, paused = make_job(demo, status="running"), make_job(demo, status="paused")
    html = operator.get(reverse("jobs")).content.decode()
    assert f'hx-get="/jobs/{running.pk}/cancel/"' in html
    assert f'hx-get="/jobs/{paused.pk}/resume/"' in html
    assert f'hx-get="/jobs/{running.pk}/resume/"' not in html
    # Its failed run would fail again: the reason is there instead.
    assert f'href="/jobs/{first.pk}/retry/"' not in html
    assert "no retry" in html
    failed = first.runs.filter(status="failed").first()
    assert failed
    first.runs.filter(pk=failed.pk).update(error="WarehouseBusy", refused_by="", error_detail={})
    html = operator.get(reverse("jobs")).content.decode()
    assert f'href="/jobs/{first.pk}/retry/"' in html
    assert "/cancel/" not in viewer.get(reverse("jobs")).content.decode()


def test_a_bar_shows_the_runs_with_bugs(viewer: Client, demo: Demo) -> None:
    job = Job.objects.get()
    bugs = [r for r in job.runs.filter(status="complete") if count_bugs(r.failures)]
    assert bugs
    html = viewer.get(reverse("jobs")).content.decode()
    assert f"{len(bugs)} needs attention (bug" in html or f"{len(bugs)} bug" in html
    page = viewer.get(reverse("job", args=[job.pk])).content.decode()
    assert "without pauses" in page


def test_rows_per_page_can_be_selected(viewer: Client, demo: Demo) -> None:
    for _ in range(60):
        make_job(demo)
    assert len(listed(viewer)) == 25
    assert len(listed(viewer, size="50")) == 50
    html = viewer.get(reverse("jobs"), {"size": "50", "who": "ann"}).content.decode()
    assert "/jobs/?who=ann&amp;size=50&amp;page=2" in html
    assert '/jobs/?who=ann&amp;size=25"' in html


def test_every_long_table_offers_its_rows_per_page(viewer: Client, demo: Demo) -> None:
    job = Job.objects.get().pk
    pages = (
        f"{reverse('results')}?job={job}",
        f"{reverse('rates_entities')}?processor=PSZA",
        f"{reverse('job_events', args=[job])}?runs=1",
    )
    for url in pages:
        short, long = (viewer.get(f"{url}&size={size}").content.decode() for size in ("25", "50"))
        assert "Rows per page" in short, url
        assert (short.count("<tr"), long.count("<tr")) == (26, 51), url
