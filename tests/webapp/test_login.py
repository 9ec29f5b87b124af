"""Pages require a login, and an expired session keeps the page."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from tests.webapp.demo import Demo

pytestmark = [pytest.mark.database, pytest.mark.django_db]
HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/jobs/1/"}


def test_a_page_without_a_login_leads_to_it_and_back(client: Client) -> None:
    answer = client.get(reverse("home"))
    assert (answer.status_code, answer["Location"]) == (302, "/login/?next=/")


def test_a_page_whose_session_has_ended_stays_and_says_where_to_log_in(client: Client) -> None:
    for answer in (
        client.get(reverse("home"), headers=HTMX),
        client.post(reverse("backfill_preview"), headers=HTMX),
    ):
        assert (answer.status_code, answer["HX-Retarget"], answer["HX-Reswap"]) == (
            401,
            "#alerts",
            "innerHTML",
        )
        assert (
            '<a href="/login/" target="_blank">Log in again in another tab</a>'
            in answer.content.decode()
        )
        assert "HX-Redirect" not in answer


def test_a_page_allows_no_inline_script_and_no_frame(viewer: Client, demo: Demo) -> None:
    answer = viewer.get(reverse("home"))
    policy = answer["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer["X-Frame-Options"] == "DENY"
