"""Nobody sees anything without a login, and a page tells whose part a thing is."""

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


def test_a_fragment_whose_session_has_ended_sends_the_whole_page_to_the_login(client: Client) -> None:
    answer = client.get(reverse("home"), headers=HTMX)
    assert (answer.status_code, answer["HX-Redirect"]) == (200, "/login/?next=%2Fjobs%2F1%2F")


def test_a_page_allows_no_inline_script_and_no_frame(viewer: Client, demo: Demo) -> None:
    answer = viewer.get(reverse("home"))
    policy = answer["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer["X-Frame-Options"] == "DENY"
