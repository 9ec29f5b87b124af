"""Caching headers and history restores of pages that share a URL with their fragments."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.webapp.demo import FAULTY, Demo

pytestmark = [pytest.mark.database, pytest.mark.django_db]

FRAGMENT = {"HX-Request": "true"}
RESTORE = {**FRAGMENT, "HX-History-Restore-Request": "true"}
SHARED = (
    "/triage/",
    "/triage/?severity=warning",
    f"/dates/{FAULTY}/PSZA/?page=2",
    f"/dates/{FAULTY}/validation/",
    "/players/?q=a",
    "/guide/?q=canary",
    "/jobs/1/events/",
    "/jobs/1/groups/",
    "/retry/",
    "/jobs/1/retry/",
    "/backfills/new/?start=2021-11-01&end=2021-11-02",
)


@pytest.mark.parametrize("url", SHARED)
def test_a_history_restore_gets_the_whole_page_and_no_cache_keeps_a_fragment(
    viewer: Client, demo: Demo, url: str
) -> None:
    page, fragment, restored = (
        viewer.get(url, headers=headers) for headers in ({}, FRAGMENT, RESTORE)
    )
    for answer in (page, restored):
        assert "<!DOCTYPE html>" in answer.content.decode()
        assert 'aria-label="Main"' in answer.content.decode()
        assert "HX-Request" in answer["Vary"]
        assert "no-store" not in answer.get("Cache-Control", "")
    assert "HX-Request" in fragment["Vary"]
    assert fragment["Cache-Control"] == "no-store"
