"""Home page: complete headline numbers, processor names on hover."""

from __future__ import annotations

from datetime import date

import pytest
from django.test import Client
from django.urls import reverse

from backfill.models import Finding, Launch, Run, SeasonAudit
from backfill.plan.options import Options
from backfill.processors.registry import PROCESSORS
from tests.webapp.demo import Demo

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
