"""Live pages: a poll sends the changed parts of the page, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from backfill.models import Event, Finding, Job, Launch, Run, SeasonAudit, Worker
from backfill.process_id import this_process
from tests.webapp.conftest import logged_in
from tests.webapp.demo import START, YEAR, Demo
from tests.webapp.polls import OpenPage
from webapp.live import middleware, parts, stamps
from webapp.models import Role, User

pytestmark = [pytest.mark.database, pytest.mark.postgres, pytest.mark.django_db]
BADGES = {"nav-jobs"}
PAGES = (
    "/",
    "/jobs/",
    "/triage/",
    "/runs/",
    f"/dates/{START}/",
    "/system/",
    "/backfills/new/",
    "/guide/",
    "/live/",
)


@pytest.fixture
def kept(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep rendered parts, as the panel does; stamps are read for every poll."""
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    monkeypatch.setattr(stamps, "SECONDS", 0)
    monkeypatch.setattr(parts, "MOST_REST_SECONDS", 0)
    settings.SHARED_SECONDS = 0
    cache.clear()
    yield
    cache.clear()


def new_job(status: str = "running") -> Job:
    """Create a job of the demo's dates with its event."""
    like = Job.objects.earliest("pk")
    job = Job.objects.create(
        options=like.options, actor="ann", status=status, batch_size=1, code_version="x",
        started_at=now(),
    )  # fmt: skip
    Event.objects.create(job=job, kind="created", actor="ann", action=status, to_state=status)
    return job


@pytest.mark.parametrize("url", PAGES)
def test_without_a_change_a_poll_is_answered_204(
    url: str, kept: None, demo: Demo, operator: Client
) -> None:
    page = OpenPage.of(operator, url)
    assert {"nav-jobs", "nav-findings", "nav-workers"} <= page.seen.keys()
    assert page.poll().keys() <= {"workers"}  # the ages of the heartbeats
    assert page.poll().keys() <= {"workers"}


@pytest.mark.parametrize(
    ("url", "changed"),
    [
        ("/", {"active", "headline"}),
        ("/jobs/", {"list"}),
        ("/jobs/?state=failed", set()),
        ("/triage/", set()),
        ("/guide/", set()),
        ("/live/", set()),
    ],
)
def test_a_new_job_changes_its_parts_and_the_badge(
    url: str, changed: set[str], kept: None, demo: Demo, viewer: Client
) -> None:
    page = OpenPage.of(viewer, url)
    page.poll()
    job = new_job()
    assert page.poll().keys() == changed | BADGES
    assert f"Job {job.pk}" in page.html or not changed
    job.transition(("running",), "succeeded", actor="backcourt", finished_at=now())
    assert page.poll().keys() >= BADGES
    assert re.search(r'id="nav-jobs"[^>]*hidden', page.html)


def test_a_marked_finding_changes_triage_home_and_the_badge(
    kept: None, demo: Demo, viewer: Client
) -> None:
    pages = [OpenPage.of(viewer, url) for url in ("/", "/triage/", "/runs/")]
    for page in pages:
        page.poll()
    finding = Finding.objects.filter(state="open").listed().first()
    assert finding
    finding.transition(("open",), "expected", actor="ann", reason="known")
    home, triage, runs = (page.poll().keys() for page in pages)
    assert home == {"findings", "headline", "nav-findings"}
    assert triage == {"findings", "season-audits", "nav-findings"}
    assert runs == {"nav-findings"}


def test_a_run_that_fails_sends_its_cell_alone(kept: None, demo: Demo, viewer: Client) -> None:
    page = OpenPage.of(viewer, f"/?season={YEAR}")
    page.poll()
    run = Run.objects.filter(processor="TDZA", status="complete").latest("pk")
    Run.objects.filter(pk=run.pk).update(status="failed")
    Event.objects.create(job=run.job, run=run, actor="worker", action="failed")
    assert {"grid", "legend", "state-table"} <= page.poll().keys()
    (cells,) = re.findall(r'<template data-cells="grid".*?</template>', page.html, re.DOTALL)
    assert re.findall(r'id="cell-([\w-]+)"', cells) == [f"TDZA-{run.date}"]


def test_a_run_changes_its_date_and_the_runs(kept: None, demo: Demo, viewer: Client) -> None:
    run = Run.objects.filter(processor="TDZA", status="complete").latest("pk")
    here, other = (OpenPage.of(viewer, f"/dates/{day}/") for day in (run.date, START))
    runs = OpenPage.of(viewer, "/runs/")
    for page in (here, other, runs):
        page.poll()
    Run.objects.filter(pk=run.pk).update(status="failed", reason="it broke")
    Event.objects.create(job=run.job, run=run, actor="worker", action="failed")
    assert "chain" in here.poll()
    assert "it broke" in here.html
    assert other.poll() == {}
    assert runs.poll().keys() == {"runs"}


def test_a_new_launch_reaches_an_open_form_and_its_draft_is_not_sent(
    kept: None, demo: Demo, operator: Client
) -> None:
    page = OpenPage.of(operator, "/backfills/new/")
    page.poll()
    Launch.objects.create(
        options=Job.objects.earliest("pk").options, actor="ann", needs_approval="it is large"
    )
    assert page.poll().keys() == {"launches", "nav-approvals"}
    assert "it is large" in page.html
    assert "new-start" not in page.html


def test_an_audit_changes_triage(kept: None, demo: Demo, viewer: Client) -> None:
    page = OpenPage.of(viewer, "/triage/")
    page.poll()
    SeasonAudit.objects.update(at=now())
    assert page.poll().keys() == {"season-audits"}


def test_the_last_worker_and_the_first_change_the_menu(
    kept: None, demo: Demo, viewer: Client
) -> None:
    page = OpenPage.of(viewer, "/guide/")
    page.poll()
    worker = Worker.objects.create(name=this_process(), kind=Worker.Kind.WORKER)
    assert page.poll().keys() == {"nav-workers"}
    assert "No worker running" not in page.html
    worker.delete()
    page.poll()
    assert "No worker running" in page.html


def test_an_event_that_is_committed_late_is_noticed(kept: None, demo: Demo, viewer: Client) -> None:
    job = Job.objects.earliest("pk")
    early = Event.objects.create(job=job, actor="ann", action="early")
    Event.objects.create(job=job, actor="ann", action="late")
    number = early.pk
    early.delete()
    before = stamps.stamps_of(stamps.TOPICS)
    Event.objects.create(pk=number, job=job, actor="ann", action="early")
    after = stamps.stamps_of(stamps.TOPICS)
    assert (before["runs"], before["jobs"]) != (after["runs"], after["jobs"])
    assert before["runs"] != after["runs"]


# Tickets and sharing


def test_a_ticket_saves_reading_the_session(kept: None, demo: Demo, viewer: Client) -> None:
    page = OpenPage.of(viewer, "/jobs/")
    page.poll()
    with CaptureQueriesContext(connection) as queries:
        assert page.poll() == {}
    assert not [q for q in queries if "django_session" in q["sql"] or "webapp_user" in q["sql"]]


def test_a_ticket_ends_with_its_session(kept: None, demo: Demo, viewer: Client) -> None:
    page = OpenPage.of(viewer, "/jobs/")
    page.poll()
    viewer.logout()
    answer = page.answer()
    assert answer.status_code == 401
    assert b"data-logged-out" in answer.content


def test_a_ticket_of_another_session_or_an_old_one_is_worthless(
    kept: None, demo: Demo, viewer: Client, operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = OpenPage.of(operator, "/jobs/")
    page.poll()
    stolen = OpenPage(viewer, "/jobs/", page.seen, page.ticket)
    with CaptureQueriesContext(connection) as queries:
        stolen.poll()
    assert [q for q in queries if "django_session" in q["sql"]]
    monkeypatch.setattr(middleware, "TICKET_SECONDS", -1)
    with CaptureQueriesContext(connection) as queries:
        page.poll()
    assert [q for q in queries if "django_session" in q["sql"]]


def test_a_disabled_user_gets_nothing_without_a_ticket(
    kept: None, demo: Demo, viewer: Client
) -> None:
    page = OpenPage.of(viewer, "/jobs/")
    User.objects.update(is_active=False)
    assert page.answer().status_code == 401


def test_roles_do_not_share_parts(kept: None, demo: Demo, viewer: Client, operator: Client) -> None:
    pages = [OpenPage.of(client, "/triage/") for client in (viewer, operator)]
    SeasonAudit.objects.update(at=now())
    texts = []
    for page in pages:
        page.poll()
        texts.append(page.html)
    assert ["operators only" in text for text in texts] == [True, False]


def test_browsers_of_a_role_share_one_rendering(kept: None, demo: Demo, viewer: Client) -> None:
    first = OpenPage.of(viewer, "/jobs/")
    other = OpenPage.of(logged_in("victor", Role.VIEWER), "/jobs/")
    new_job()
    first.poll()
    with CaptureQueriesContext(connection) as queries:
        assert "list" in other.poll()
    assert not [q for q in queries if 'FROM "backfill_run"' in q["sql"]]


def test_no_part_holds_a_form_token(kept: None, demo: Demo, operator: Client) -> None:
    page = OpenPage.of(operator, "/triage/")
    page.seen = dict.fromkeys(page.seen, "0" * 16)
    page.poll()
    assert "<form" in page.html
    assert "csrfmiddlewaretoken" not in page.html


def test_answers_to_polls_are_not_stored(kept: None, demo: Demo, viewer: Client) -> None:
    page = OpenPage.of(viewer, "/jobs/")
    for answer in (page.answer(), page.answer()):
        assert answer["Cache-Control"] == "no-store"
        assert "X-Live" in answer["Vary"]


@pytest.mark.parametrize("seen", ["", "list", "list:", "list:zz", "²:1", "a" * 5000], ids=range(6))
def test_any_other_state_of_a_browser_is_ignored(
    seen: str, kept: None, demo: Demo, viewer: Client
) -> None:
    assert viewer.get("/jobs/", headers={"X-Live": seen}).status_code == 204


def test_a_page_that_is_gone_is_a_404_for_its_poll(kept: None, demo: Demo, viewer: Client) -> None:
    page = OpenPage.of(viewer, "/jobs/987654/")
    assert 'data-live-url="/live/"' in page.html
    assert viewer.get("/jobs/987654/", headers={"X-Live": ""}).status_code == 404


def test_a_stalled_job_is_noticed_without_an_event(kept: None, demo: Demo, viewer: Client) -> None:
    job = new_job()
    page = OpenPage.of(viewer, "/")
    page.poll()
    Event.objects.filter(job=job).update(at=now() - timedelta(hours=1))
    cache.clear()  # the half minute of the stamp
    assert {"findings", "nav-findings"} <= page.poll().keys()


def test_a_poll_without_a_change_is_not_logged(
    kept: None, demo: Demo, viewer: Client, caplog: pytest.LogCaptureFixture
) -> None:
    page = OpenPage.of(viewer, "/jobs/")
    with caplog.at_level("INFO", logger="webapp.middleware.request_log"):
        assert page.poll() == {}
        assert caplog.messages == []
        new_job()
        page.poll()
    assert caplog.messages == ["GET /jobs/ 200"]
