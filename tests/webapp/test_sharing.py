"""Content that users of a role share, and a write of one's own, which ends the sharing."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from backfill.models import Job
from tests.webapp.demo import Demo
from webapp.ui.shared_cache import shared

pytestmark = pytest.mark.django_db
PAGES = ("/", "/jobs/", "/runs/")
TOKEN = re.compile(r'csrfmiddlewaretoken" value="(\w+)"')


@pytest.fixture(autouse=True)
def sharing(settings: Any, demo: Demo) -> Iterator[None]:
    """Share for a minute, so that a slow machine shares too."""
    settings.SHARED_SECONDS = 60
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    cache.clear()
    yield
    cache.clear()


def content(client: Client, url: str) -> str:
    page = client.get(url).content.decode()
    return page[page.index('<main id="content"') : page.index("</main>")]


@pytest.mark.parametrize("url", PAGES)
def test_a_second_page_reads_only_its_user(url: str, operator: Client) -> None:
    first = content(operator, url)
    with CaptureQueriesContext(connection) as queries:
        assert content(operator, url) == first
    tables = {q["sql"].split('FROM "')[1].split('"')[0] for q in queries if "FROM" in q["sql"]}
    assert tables <= {"django_session", "webapp_user"}


@pytest.mark.parametrize("url", PAGES)
def test_shared_content_holds_nothing_of_a_user(url: str, operator: Client) -> None:
    assert not TOKEN.search(content(operator, url))


def test_roles_do_not_share(operator: Client, viewer: Client) -> None:
    job = Job.objects.latest("pk")
    assert content(operator, "/jobs/") == content(operator, "/jobs/")
    Job.objects.filter(pk=job.pk).update(actor="somebody-else")
    assert "somebody-else" not in content(operator, "/jobs/")
    assert "somebody-else" in content(viewer, "/jobs/")


def test_a_write_of_the_user_is_shown_at_once(operator: Client, viewer: Client) -> None:
    content(operator, "/jobs/")
    Job.objects.update(actor="somebody-else")
    assert "somebody-else" not in content(operator, "/jobs/")
    operator.post("/triage/mark/", {"state": "acknowledged"})
    assert "somebody-else" in content(operator, "/jobs/")


# One thread computes a value


def test_while_a_value_is_computed_again_others_take_the_expired_one() -> None:
    computing, done = Event(), Event()

    def slowly() -> str:
        computing.set()
        assert done.wait(10)
        return "new"

    assert shared("key", 0.01, lambda: "old") == "old"
    time.sleep(0.02)
    with ThreadPoolExecutor(1) as pool:
        new = pool.submit(shared, "key", 60, slowly)
        assert computing.wait(10)
        assert shared("key", 60, lambda: "never") == "old"
        done.set()
        assert new.result() == "new"
    assert shared("key", 60, lambda: "never") == "new"


def test_without_an_expired_value_others_wait_for_the_computed_one() -> None:
    computing = Event()

    def slowly() -> str:
        computing.set()
        time.sleep(0.1)
        return "value"

    with ThreadPoolExecutor(1) as pool:
        pool.submit(shared, "key", 60, slowly)
        assert computing.wait(10)
        assert shared("key", 60, lambda: "another") == "value"


def test_a_value_is_not_kept_for_no_time() -> None:
    assert [shared("key", 0, lambda n=n: n) for n in (1, 2)] == [1, 2]
