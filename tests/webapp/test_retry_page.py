"""Retry page: retried runs with reasons, excluded runs with reasons, then one button."""

from __future__ import annotations

import re
from datetime import date
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from backfill.jobs.retry import RetryPlan, preview_retry
from backfill.jobs.retry_selection import Selection
from backfill.models import Job, Run
from backfill.status import season_failures
from backfill.status.failures import JobFailures
from backfill.version import code_version
from tests.webapp.demo import YEAR, Demo
from validation.retry import RetryClass

pytestmark = [pytest.mark.database, pytest.mark.django_db]
HTMX = {"HX-Request": "true"}
HOSTILE = "<script>alert(1)</script>"
# Caused by a bug without a fix.
ONE_DATE = {
    "start": "2021-11-15",
    "end": "2021-11-15",
    "override": "on",
}
START = '<button type="submit" class="btn btn-primary">'
A_DATE = date(2021, 11, 15)


@pytest.fixture
def job(demo: Demo) -> Job:
    return Job.objects.get()


def url(job: Job) -> str:
    return reverse("retry", args=[job.pk])


def plan_of(client: Client, job: Job, **query: object) -> str:
    """Return the fragment as text."""
    answer = client.get(url(job), query, headers=HTMX)
    assert answer.status_code == 200
    return answer.content.decode()


def seal_of(text: str) -> str:
    found = re.search(r'name="seal" value="([^"]+)"', text)
    assert found
    return unescape(found[1])


def keys(found: RetryPlan) -> set[tuple[str, date]]:
    return {run.key for run in found.plan.todo}


def test_the_page_comes_at_once_and_asks_for_its_plan(job: Job, viewer: Client) -> None:
    text = viewer.get(url(job), {"category": "PROCESSING_ERROR"}).content.decode()
    assert f'hx-get="{url(job)}?category=PROCESSING_ERROR" hx-trigger="load"' in text
    assert re.search('value="PROCESSING_ERROR"[^>]* id="id_category', text)
    assert "Preview retry" in text


def test_the_plan_is_that_of_control_with_what_is_left_out(job: Job, operator: Client) -> None:
    Run.objects.update(code_version=code_version())
    found = preview_retry(job, Selection())
    text = plan_of(operator, job)
    assert not found.plan.todo
    assert 'type="submit"' not in text
    assert "Nothing to run" in text
    assert f"{len({(out.processor, out.date) for out in found.left_out})} runs; " in text
    assert "never (expected)" in text
    assert "include_expected=on" in text
    assert f"manage.py retry {job.pk}" in text
    assert text.startswith('<div id="plan"')
    assert "hx-trigger" not in text


def test_the_page_says_what_stops_it_and_of_what_it_is_a_retry(job: Job, operator: Client) -> None:
    text = operator.get(url(job)).content.decode()
    assert "pause on error off" in " ".join(text.split())
    plan = plan_of(operator, job, **{k: v for k, v in ONE_DATE.items() if k != "override"})
    assert f'placeholder="retry of job {job.pk}"' in plan


def test_a_reason_that_is_too_long_is_refused_and_not_cut(job: Job, operator: Client) -> None:
    answer = operator.post(url(job), {**ONE_DATE, "reason": 2001 * "x"})
    assert answer.status_code == 422
    assert "at most 2000 characters (it has 2001)" in answer.content.decode()


def test_without_script_the_plan_is_on_the_page(job: Job, operator: Client) -> None:
    text = operator.get(url(job), {**ONE_DATE, "look": "1"}).content.decode()
    assert '<h2 id="runs">' in text
    assert 'hx-trigger="load"' not in text


def test_a_retry_from_the_page_is_the_retry_of_control(job: Job, operator: Client) -> None:
    chosen = {"category": "PROCESSING_ERROR", **ONE_DATE}
    wanted = preview_retry(
        job, Selection(categories=("PROCESSING_ERROR",), start=A_DATE, end=A_DATE, override=True)
    )
    text = plan_of(operator, job, **chosen)
    assert "4 complete runs will be overwritten. Type 4 to confirm." in text
    given = {**chosen, "reason": HOSTILE, "seal": seal_of(text), "overwrites": "4"}
    answer = operator.post(url(job), given)
    made = Job.objects.latest("pk")
    assert (answer.status_code, answer["Location"]) == (302, reverse("job", args=[made.pk]))
    assert {(r.processor, r.date) for r in made.runs.all()} == keys(wanted) != set()
    assert (made.retry_of, made.actor, made.reason) == (job, "otto", HOSTILE)
    assert made.options == job.options
    event = made.events.get(kind="created")
    assert (event.actor, event.reason) == ("otto", HOSTILE)


def test_what_has_changed_since_it_was_looked_at_is_said_and_nothing_runs(
    job: Job, operator: Client
) -> None:
    seal = seal_of(plan_of(operator, job, **ONE_DATE))
    Run.objects.filter(job=job, date=A_DATE).update(failures={})
    answer = operator.post(url(job), {**ONE_DATE, "reason": "a reason to keep", "seal": seal})
    text = answer.content.decode()
    assert answer.status_code == 409
    assert "1 date changed since the preview" in text
    assert "a reason to keep" in text
    assert Job.objects.count() == 1


def test_overriding_needs_a_reason(job: Job, operator: Client) -> None:
    answer = operator.post(url(job), ONE_DATE)
    assert answer.status_code == 422
    assert "overriding requires a reason" in answer.content.decode()
    assert Job.objects.count() == 1


WRONG: dict[str, tuple[dict[str, str], str]] = {
    "a week": ({"week": "x"}, "is not a week; write 5, or 5-8"),
    "a week that is not there": ({"week": "40"}, "has no date in week 40"),
    "a date": ({"start": "soon"}, "enter a date as YYYY-MM-DD"),
    "the end before the start": (
        {"start": "2021-12-01", "end": "2021-11-01"},
        "is before the first date",
    ),
    "a processor": ({"processor": HOSTILE}, "is not one of the available choices"),
    "a category": ({"category": HOSTILE}, "unknown category"),
    "a group": ({"group": HOSTILE}, "has no error group"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_meant_is_one_sentence(name: str, job: Job, operator: Client) -> None:
    query, sentence = WRONG[name]
    text = unescape(shown := plan_of(operator, job, **query))
    assert sentence in text
    assert HOSTILE not in shown
    assert START not in shown


def test_a_job_under_way_is_not_retried_yet(job: Job, operator: Client) -> None:
    Job.objects.update(status=Job.Status.RUNNING)
    assert f"job {job.pk} is running; wait until it ends" in plan_of(operator, job)
    assert operator.post(url(job), ONE_DATE).status_code == 422


def test_a_date_that_another_job_holds_is_said_beside_the_button(
    job: Job, operator: Client
) -> None:
    other = Job.objects.create(
        options=job.options, actor="olga", batch_size=1, status=Job.Status.RUNNING
    )
    Run.objects.create(job=other, processor="PSZA", date=A_DATE, batch=0)
    text = plan_of(operator, job, **ONE_DATE)
    assert f"job {other.pk} (olga, running) holds 1 run" in text.lower()
    assert 'type="submit"' not in text
    assert (
        operator.post(url(job), {**ONE_DATE, "reason": "once more", "overwrites": "4"}).status_code
        == 409
    )


def test_a_viewer_sees_the_plan_and_starts_nothing(job: Job, viewer: Client) -> None:
    text = plan_of(viewer, job, **ONE_DATE)
    assert "operators only" in text
    assert START not in text
    assert viewer.post(url(job), ONE_DATE).status_code == 403
    assert Job.objects.count() == 1


def test_the_number_of_queries_is_that_of_one_date(job: Job, viewer: Client) -> None:
    plan_of(viewer, job)

    def asked(**query: str) -> int:
        with CaptureQueriesContext(connection) as found:
            plan_of(viewer, job, **query)
        return len(found)

    assert asked() == asked(**ONE_DATE) <= 25


def test_a_job_that_is_not_there_is_not_found(demo: Demo, viewer: Client) -> None:
    assert viewer.get(reverse("retry", args=[999_999])).status_code == 404


# Season


def test_a_season_lists_the_jobs_with_something_still_broken_by_when_a_retry_heals_it(
    job: Job, viewer: Client
) -> None:
    Run.objects.update(code_version=code_version())
    standing = JobFailures(job)
    failures = standing.failures(standing.own.keys())
    (found,) = season_failures.of_season(YEAR)
    assert found.counts == {
        retry: sum(f.verdict.retry is retry for f in failures) for retry in RetryClass
    }
    assert found.counts[RetryClass.NEVER] > 0
    text = viewer.get(reverse("retries"), {"season": YEAR}, headers=HTMX).content.decode()
    assert "Nothing to retry" in text
    assert url(job) in text
    assert f"{found.counts[RetryClass.NEVER]:,}" in text


def test_the_season_page_comes_at_once(job: Job, viewer: Client) -> None:
    text = viewer.get(reverse("retries")).content.decode()
    assert f'hx-get="{reverse("retries")}" hx-trigger="load"' in text


@pytest.mark.parametrize(("season", "status"), [("2031", 200), ("x", 422), (HOSTILE, 422)])
def test_a_season_without_anything_says_so(
    season: str, status: int, demo: Demo, viewer: Client
) -> None:
    answer = viewer.get(reverse("retries"), {"season": season, "look": "1"})
    assert answer.status_code == status
    assert HOSTILE not in answer.content.decode()
