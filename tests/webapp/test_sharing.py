"""Content that users of a role share, and a write of one's own, which ends the sharing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from backfill.models import Job
from tests.webapp.demo import Demo

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
