"""Links between pages that count something."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.forms import model_to_dict
from django.test import Client
from django.urls import reverse

from backfill.models import Finding, Job
from tests.webapp import walks
from tests.webapp.demo import FAULTY, START, YEAR, Demo
from tests.webapp.page_links import follow, links_of

pytestmark = [pytest.mark.database, pytest.mark.django_db]
two_seasons, seasons, values = walks.two_seasons, walks.seasons, walks.values


def test_a_category_of_a_date_opens_as_many_entities_as_it_counts(
    values: dict[str, str], viewer: Client
) -> None:
    url = reverse("date", args=[FAULTY])
    page = viewer.get(url)
    bars = {(c.code, bar.category): bar.failed for c in page.context["cards"] for bar in c.bars}
    assert bars
    pages = [
        follow(viewer, link).answer.context
        for link in links_of(url, page.content.decode())
        if link.name == "entities" and "category" in link.query
    ]
    found = {(shown["code"], shown["filters"].category): shown["page"].total for shown in pages}
    assert {key: found[key] for key in bars} == bars


def test_a_job_leads_to_all_findings_about_its_dates_and_to_no_others(
    demo: Demo, viewer: Client
) -> None:
    first = Finding.objects.listed().order_by("-severity")[0]
    fields = model_to_dict(first, exclude=["id"])
    earlier = {"first": START - timedelta(days=700), "last": START - timedelta(days=700)}
    for number in range(21):
        Finding.objects.create(**{**fields, "subject": f"copy {number}"})
    Finding.objects.create(**{**fields, **earlier, "season": YEAR - 2, "subject": "another season"})
    url = reverse("job", args=[Job.objects.get().pk])
    page = viewer.get(url)
    (link,) = (
        link
        for link in links_of(url, page.content.decode())
        if link.name == "triage" and "more" in link.text
    )
    total = follow(viewer, link).answer.context["listing"].total
    assert link.text == f"{total - 20} more"


def test_the_rates_lead_to_the_findings_of_their_season(demo: Demo, viewer: Client) -> None:
    url = f"{reverse('rates')}?season={YEAR}&processor=PSZA"
    links = [
        link
        for link in links_of(url, viewer.get(url).content.decode())
        if link.name == "triage" and not link.is_menu
    ]
    assert links
    assert all(link.query == {"season": [str(YEAR)], "processor": ["PSZA"]} for link in links)
