"""The page of a job with thousands of runs shows one season of its grid."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now

from backfill.models import Batch, Job, Run
from backfill.plan.options import Options
from backfill.processors.registry import CHAIN
from webapp.pages.job.figures import MOST_CELLS
from webapp.ui.shared_cache import shared

pytestmark = pytest.mark.django_db
SEASONS = (2012, 2013, 2014)
DATES = MOST_CELLS // len(CHAIN) // len(SEASONS) + 1


@pytest.fixture
def large() -> Job:
    """A job whose runs exceed the largest grid."""
    options = Options(start=date(SEASONS[0], 10, 1), end=date(SEASONS[-1] + 1, 6, 30))
    job = Job.objects.create(
        status="succeeded",
        options=options.as_json(),
        actor="ann",
        batch_size=32,
        started_at=now(),
        finished_at=now(),
    )
    Batch.objects.create(job=job, number=1, first_date=options.start, last_date=options.end)
    Run.objects.bulk_create(
        Run(
            job=job,
            processor=code,
            date=date(year, 10, 20) + timedelta(n),
            batch=1,
            status="complete",
            run_id=uuid4().hex[:8],
            population=5,
            rows=5,
        )
        for year in SEASONS
        for n in range(DATES)
        for code in CHAIN
    )
    return job


def shown_seasons(html: str) -> set[int]:
    return {int(year) for year in re.findall(r'id="cell-PSZA-(\d{4})-1[0-2]-', html)}


def page(client: Client, job: Job, **query: object) -> str:
    answer = client.get(reverse("job", args=[job.pk]), query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_page_shows_the_last_season_and_links_the_others(viewer: Client, large: Job) -> None:
    html = page(viewer, large)
    assert shown_seasons(html) == {2014}
    assert re.findall(r"\?season=(\d+)#grid-title", html) == ["2012", "2013"]
    assert html.count('class="cell ') == DATES * len(CHAIN)


def test_a_season_is_chosen_in_the_address(viewer: Client, large: Job) -> None:
    assert shown_seasons(page(viewer, large, season=2012)) == {2012}
    assert shown_seasons(page(viewer, large, season=1999)) == {2014}
    refused = viewer.get(reverse("job", args=[large.pk]), {"season": "x"})
    assert refused.status_code == 422


def test_a_running_job_shows_the_season_of_its_first_active_run(viewer: Client, large: Job) -> None:
    Run.objects.filter(date__year=2013, date__month=11, processor="PSZA").update(status="running")
    Job.objects.update(status="running", finished_at=None)
    assert shown_seasons(page(viewer, large)) == {2013}


def test_browsers_share_a_page_until_the_job_changes(
    viewer: Client, large: Job, settings: object, django_assert_max_num_queries: object
) -> None:
    settings.CACHES = {  # type: ignore[attr-defined]
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    }
    cache.clear()
    first = page(viewer, large)
    with django_assert_max_num_queries(12):  # type: ignore[operator]
        assert page(viewer, large).partition("Run grid")[2] == first.partition("Run grid")[2]
    large.events.create(actor="ann", action="noted", reason="seen by everyone at once")
    assert "seen by everyone at once" in page(viewer, large)
    cache.clear()


def test_sharing_a_value_and_its_parts_never_deadlocks(settings: object) -> None:
    settings.CACHES = {  # type: ignore[attr-defined]
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    }
    cache.clear()

    def read(number: int) -> int:
        return shared(
            f"whole {number}",
            60,
            lambda: shared(f"part {number % 7}", 60, lambda: number % 7, is_part=True),
        )

    with ThreadPoolExecutor(8) as pool:
        results = pool.map(read, [n % 40 for n in range(400)], timeout=30)
        assert [*results] == [n % 40 % 7 for n in range(400)]
    cache.clear()
