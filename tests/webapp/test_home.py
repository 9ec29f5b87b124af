"""Home page: headline figures, calendar columns, empty sections, processor names on hover."""

from __future__ import annotations

import re
from datetime import date
from math import floor

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now

from backfill.models import Finding, Job, Launch, Run, SeasonAudit
from backfill.plan.options import Options
from backfill.processors.registry import CHAIN, PROCESSORS
from backfill.status.attention import attention_items
from backfill.status.season_grid import season_grid
from tests.webapp.demo import YEAR, Demo
from validation.findings.kinds import Severity

pytestmark = [pytest.mark.database, pytest.mark.django_db]


def headline(client: Client) -> str:
    html = client.get(reverse("home")).content.decode()
    section = html.partition('id="findings-title"')[2].partition("</section>")[0]
    return " ".join(section.split())


def test_headline_states_that_all_failures_are_expected(viewer: Client, demo: Demo) -> None:
    Finding.objects.all().delete()
    with_bugs = Run.objects.filter(failures__PROCESSING_ERROR__gt=0)
    assert with_bugs.exists()
    assert "are expected" not in headline(viewer)
    for run in with_bugs:
        run.failures.pop("PROCESSING_ERROR")
        run.save(update_fields=["failures"])
    failures = sum(sum(run.failures.values()) for run in Run.objects.all())
    assert f"All {failures:,} failures are expected." in headline(viewer)


def test_headline_counts_audited_runs_and_unexpected_failures(viewer: Client, demo: Demo) -> None:
    SeasonAudit.objects.update(compared=1, unexplained=1)
    assert "1 run: " in headline(viewer)
    assert "1 unexpected failure, " in headline(viewer)
    SeasonAudit.objects.update(compared=730, unexplained=0)
    assert "730 runs: " in headline(viewer)
    assert "0 unexpected failures, " in headline(viewer)


def test_processor_codes_have_their_name_on_hover(viewer: Client, demo: Demo) -> None:
    html = viewer.get(reverse("home")).content.decode()
    for processor in PROCESSORS.values():
        assert f'<abbr title="{processor.label}">{processor.code}</abbr>' in html


def test_a_launch_awaiting_approval_is_listed_and_counted_in_the_menu(
    viewer: Client, demo: Demo
) -> None:
    badge = "1 launch awaiting approval"
    assert badge not in viewer.get(reverse("home")).content.decode()
    options = Options(start=date(2021, 11, 1), end=date(2021, 11, 30), reason="late data").as_json()
    kept = Launch.objects.create(options=options, actor="otto", needs_approval="30 dates")
    html = viewer.get(reverse("home")).content.decode()
    assert f"Launch {kept.pk} needs approval" in html
    assert badge in html
    kept.approved_by = "ada"
    kept.save(update_fields=["approved_by"])
    html = viewer.get(reverse("home")).content.decode()
    assert f"Launch {kept.pk} needs approval" not in html
    assert badge not in html


def figures(client: Client) -> dict[str, tuple[str, str]]:
    """Return value and link of each headline figure."""
    html = client.get(reverse("home")).content.decode()
    strip = html.partition('class="headline"')[2].partition("</dl>")[0]
    found = re.findall(r'<dt>(.*?)</dt>\s*<dd>\s*<a href="([^"]*)">(.*?)</a>', strip)
    return {label: (value, url) for label, url, value in found}


def test_page_opens_with_linked_headline_figures(viewer: Client, demo: Demo) -> None:
    SeasonAudit.objects.update(unexplained=1234)
    Job.objects.update(status="running")
    findings = Finding.objects.filter(severity__gt=Severity.NOTE, root=None).listed().count()
    jobs = len(attention_items(now()))
    required = [c for c in season_grid(YEAR).cells.values() if c.state != "bootstrap"]
    complete = sum(c.rows is not None and c.state != "failed" for c in required)
    assert complete < sum(c.rows is not None for c in required)
    bugs = sum(c.failures.get("PROCESSING_ERROR", 0) for c in required)
    assert bugs
    triage = "#findings" if jobs else f"/triage/?season={YEAR}"
    assert figures(viewer) == {
        "Bugs and unexpected failures": (f"{1234 + bugs:,}", f"/triage/?season={YEAR}"),
        "Needs attention": (f"{findings + jobs:,}", triage),
        "Coverage": (
            f"{floor(1000 * complete / len(required)) / 10:g} %",
            f"/coverage/?season={YEAR}",
        ),
        "Running jobs": ("1", "/jobs/?state=active"),
    }
    html = viewer.get(reverse("home")).content.decode()
    assert html.index('class="headline"') < html.index('id="grid-title"')
    assert html.index('id="grid-title"') < html.index('id="findings-title"')


def test_pending_runs_of_bootstrap_dates_are_not_among_the_expected_runs(
    viewer: Client, demo: Demo
) -> None:
    before = figures(viewer)["Coverage"]
    Run.objects.filter(reason__startswith="bootstrap").update(status="pending")
    assert Run.objects.filter(status="pending").exists()
    assert figures(viewer)["Coverage"] == before


def test_empty_sections_are_one_line(viewer: Client, demo: Demo) -> None:
    Finding.objects.all().delete()
    html = viewer.get(reverse("home")).content.decode()
    for name in ("findings", "active"):
        section = html.partition(f'<section id="{name}"')[2].partition("</section>")[0]
        assert "card-line" in section
        assert "card-body" not in section


def test_every_calendar_day_has_a_column_and_every_month_row_labels(
    viewer: Client, demo: Demo
) -> None:
    html = viewer.get(reverse("home")).content.decode()
    played = [day.day for day in season_grid(YEAR).days]
    months = re.findall(r'<table class="month-days".*?</table>', html, re.DOTALL)
    assert len(months) == len({(day.year, day.month) for day in played})
    columns = 0
    for month in months:
        head, *rows = re.findall(r"<tr.*?</tr>", month, re.DOTALL)
        assert [re.findall(r"<abbr[^>]*>(\w+)</abbr>", row) for row in rows] == [[c] for c in CHAIN]
        days = head.count("<th") - 1
        assert {row.count("<td>") for row in rows} == {days}
        columns += days
    assert columns == (played[-1] - played[0]).days + 1
    # Thanksgiving has no games: an empty column.
    assert re.search(r'class="off" aria-label="Thu 25"', html)
    assert "cell-PSZA-2021-11-25" not in html
    assert re.search(
        r'data-day="2021-11-22" aria-label="Mon 22"><span class="day-number">22<', html
    )
    assert re.search(r'data-day="2021-11-23" aria-label="Tue 23"><span>T<', html)
