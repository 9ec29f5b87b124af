"""No disabled buttons, and none that would run nothing: a reason in their place."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from backfill.models import AuditResult, Finding, Job, Run
from tests.webapp.demo import FAULTY, Demo

pytestmark = [pytest.mark.database, pytest.mark.django_db]


class Disabled(HTMLParser):
    """Collector of disabled elements."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        given = dict(attrs)
        if "disabled" in given or given.get("aria-disabled") == "true":
            self.found.append(self.get_starttag_text() or tag)


def disabled(html: str) -> list[str]:
    reader = Disabled()
    reader.feed(html)
    return reader.found


def test_no_template_disables_anything() -> None:
    names = re.compile(r"disabled[_-]reasons?|hx-disabled-elt")
    templates = [*(Path(settings.BASE_DIR) / "templates").rglob("*.html")]
    tags = [
        (path.name, tag)
        for path in templates
        for tag in re.findall(r"<(?:button|input|fieldset|select|a)\b.*?>", path.read_text(), re.S)
    ]
    assert len(tags) > 300
    assert [tag for tag in tags if re.search(r"\bdisabled\b", names.sub("", tag[1]))] == []


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_pages_show_reasons_in_place_of_buttons(
    request: pytest.FixtureRequest, demo: Demo, role: str
) -> None:
    client: Client = request.getfixturevalue(role)
    finding = Finding.objects.filter(severity__gt=0).latest("pk")
    run = Run.objects.filter(status=Run.Status.COMPLETE).latest("pk")
    for path in (
        "/",
        "/triage/",
        "/system/",
        "/backfills/new/",
        reverse("finding", args=[finding.pk]),
        reverse("job", args=[1]),
        reverse("date", args=[FAULTY]),
        reverse("run", args=[run.pk]),
        reverse("retry", args=[1]) + "?look=1",
        reverse("backfill_new") + "?start=2021-11-01&end=2021-11-02",
    ):
        html = client.get(path).content.decode()
        assert disabled(html) == [], path
    assert disabled("<button disabled>x</button><a aria-disabled=true>y</a>") != []


def test_a_date_offers_no_retry_that_would_run_nothing(demo: Demo, operator: Client) -> None:
    """Expected failures, and bugs whose code has not changed."""
    expected = AuditResult.objects.filter(unexplained=0, lost=0, explained__gt=0)
    newest = Run.objects.deciding(expected.earliest("date").date, expected.latest("date").date)
    day = next(
        result.date
        for result in expected.order_by("date")
        if (run := newest.get((result.processor, result.date)))
        and result.processor == "PSZA"
        and run.failures.keys() == {"INSUFFICIENT_DATA"}
    )
    card = _card(operator, day, "PSZA")
    assert "Retry</strong>: all failures are expected" in card
    assert "/retry/" not in card
    for code in ("PSZA", "PCF", "TDZA"):
        card = _card(operator, FAULTY, code)
        link = re.search(r'href="(/jobs/\d+/retry/[^"]+)"', card)
        if link:
            plan = operator.get(link[1].replace("&amp;", "&")).content.decode()
            assert re.search(r"Retry \d+ runs? on 1 date", plan), code
        else:
            assert "<strong>Retry</strong>: " in card or "failed" not in card


def _card(client: Client, day: Any, code: str) -> str:
    html = client.get(reverse("date", args=[day])).content.decode()
    return html.partition(f'id="card-{code}"')[2].partition("</li>\n                <li")[0]


def test_the_header_of_an_ended_job_names_what_is_not_possible(
    demo: Demo, operator: Client, viewer: Client
) -> None:
    job = Job.objects.get(pk=1)
    Job.objects.filter(pk=1).update(status=Job.Status.PAUSED)
    html = operator.get(reverse("job", args=[job.pk])).content.decode()
    assert "<strong>Pause job</strong>: the job is already paused" in html
    html = viewer.get(reverse("job", args=[job.pk])).content.decode()
    assert re.search(r"<strong>Pause job, Resume job[^<]*</strong>: operators only", html)
