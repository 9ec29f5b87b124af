"""Triage: worst first, filtered by the URL, marked by a user with a note."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.timezone import now

from backfill.audit import evidence, season_summary
from backfill.models import AuditResult, Event, EventCause, Finding, Job, Run, SeasonAudit
from backfill.models.finding import folded
from backfill.status.attention import attention_items
from backfill.warehouse.tables import INPUTS
from tests.webapp.demo import YEAR, Demo
from webapp.pages.triage.filters import FindingFilters, listing
from webapp.ui.date_strip import strip

pytestmark = [pytest.mark.database, pytest.mark.django_db]
HTMX = {"HX-Request": "true"}
HOSTILE = "<script>alert(1)</script>"
AS_TEXT = "&lt;script&gt;alert(1)&lt;/script&gt;"
State = Finding.State


def text_of(client: Client, url: str, **query: object) -> str:
    """Return a page as text."""
    answer = client.get(url, query)
    assert answer.status_code == 200
    return answer.content.decode()


def shown(client: Client, **query: object) -> list[int]:
    """Return the listed Findings, in order."""
    answer = client.get(reverse("triage"), query)
    return [s.finding.pk for kind in answer.context["listing"].kinds for s in kind.rows]


def one(kind: str = "impossible value") -> Finding:
    return Finding.objects.get(kind=kind)


def make_job(
    status: str,
    to_state: str,
    reason: str = "",
    *,
    cause: str = "",
    actor: str = "backcourt",
    **fields: Any,
) -> Job:
    """Make a job of the demo's dates whose last event moved it to this state."""
    job = Job.objects.create(
        options=Job.objects.earliest("pk").options,
        actor="ann",
        status=status,
        batch_size=1,
        **fields,
    )
    event = {
        "to_state": to_state,
        "cause": cause,
        "actor": actor,
        "action": "a change",
        "reason": reason,
    }
    Event.objects.create(job=job, **event, at=fields.get("finished_at") or now())
    return job


# Jobs that need attention before an audit


def badge(text: str) -> int:
    """Return the badge of Triage in the menu."""
    found = re.search(r'class="nav-count nav-count-bad"[^>]*>(\d+)<', text)
    return int(found[1]) if found else 0


JOBS = {
    "the brake": ("paused", "pausing", "9 bad entities", {"cause": EventCause.PAUSE_ON_ERROR}),
    "the canary": ("pausing", "pausing", "1 bad entity", {"cause": EventCause.CANARY}),
    "an error": ("paused", "pausing", "the disk is full", {"cause": EventCause.ERROR}),
    "a dead process": (
        "paused",
        "pausing",
        "its process ended",
        {"cause": EventCause.PROCESS_ENDED},
    ),
    "a failure": (
        "failed",
        "failed",
        "3 runs failed or were blocked",
        {"finished_at": now() + timedelta(days=1)},
    ),
}


@pytest.mark.parametrize("name", JOBS)
def test_a_job_that_stopped_by_itself_wants_a_person_at_once(
    name: str, demo: Demo, viewer: Client
) -> None:
    before = badge(text_of(viewer, reverse("triage")))
    status, to_state, reason, fields = JOBS[name]
    job = make_job(status, to_state, reason, **fields)
    home, triage = text_of(viewer, reverse("home")), text_of(viewer, reverse("triage"))
    wants = home.partition("Needs attention</h2>")[2]
    assert re.search(r'<a href="([^"]+)"><strong>', wants)[1] == reverse("job", args=[job.pk])
    assert reason in wants
    assert triage.index(reason) < triage.index("Season audits")
    assert badge(triage) == badge(home) == before + 1


def test_a_job_that_stands_still_wants_a_person(demo: Demo) -> None:
    job = make_job("running", "running")
    assert attention_items(now()) == []
    (found,) = attention_items(now() + timedelta(minutes=7))
    assert (found.job, found.state, found.reason) == (
        job,
        "stalled",
        "no progress for 7 min",
    )


def test_jobs_that_a_person_stopped_or_that_are_judged_or_retried_want_nobody(demo: Demo) -> None:
    make_job(
        "paused",
        "pausing",
        "brake: PSZA 2021-11-19: so I say",
        cause=EventCause.OPERATOR,
        actor="otto",
    )
    make_job(
        "failed",
        "failed",
        "1 runs failed or were blocked",
        finished_at=now() - timedelta(days=9999),
    )
    failed = make_job(
        "failed", "failed", "1 runs failed or were blocked", finished_at=now() + timedelta(days=1)
    )
    assert [found.job for found in attention_items(now())] == [failed]
    make_job("queued", "queued", retry_of=failed)
    assert attention_items(now()) == []


def test_without_findings_the_list_does_not_say_that_nothing_wants_a_person(
    demo: Demo, viewer: Client
) -> None:
    Finding.objects.update(state=State.CLOSED)
    make_job(*JOBS["the brake"][:3], **JOBS["the brake"][3])
    assert "Needs attention: none" not in text_of(viewer, reverse("triage"))
    assert "Every failure of this season is explained" not in text_of(viewer, reverse("home"))


# Failure rates


def test_the_rates_never_say_that_nothing_is_to_be_done_while_there_is_a_bug(
    demo: Demo, viewer: Client
) -> None:
    text = text_of(viewer, reverse("rates"), processor="PDC")
    (result,) = viewer.get(reverse("rates"), {"processor": "PDC"}).context["chosen"].results
    runs = Run.objects.filter(processor="PDC", status="complete")
    assert result.bugs == sum(run.failures.get("PROCESSING_ERROR", 0) for run in runs) > 0
    failed = sum(sum(run.failures.values()) for run in runs)
    assert result.expected + result.bugs == failed
    assert f">{result.expected:,}</a> expected of {failed:,} failures" in text
    assert "failures</span>, all expected" not in text
    assert "failures</span>, all expected" in text_of(viewer, reverse("rates"), processor="TDZA")


def test_the_rates_of_what_was_not_judged_say_so(demo: Demo, viewer: Client) -> None:
    AuditResult.objects.filter(processor="TDZA").update(run_id="older")
    text = text_of(viewer, reverse("rates"), processor="TDZA")
    assert "not audited" in text
    assert "all expected" not in text


# List


def test_the_list_is_worst_first_with_its_notes_folded_away(demo: Demo, viewer: Client) -> None:
    every = list(Finding.objects.listed().filter(root=None))
    above = [f.pk for f in every if f.severity]
    assert shown(viewer) == above
    assert shown(viewer, notes=1) == [f.pk for f in every]
    text = text_of(viewer, reverse("triage"))
    assert f"{len(every) - len(above)} informational finding" in text
    assert "Phase 3 missing" in text


def test_the_promise_is_said_in_numbers(demo: Demo, viewer: Client) -> None:
    (found,) = season_summary.season_summaries()
    bugs = sum(run.failures.get("PROCESSING_ERROR", 0) for run in Run.objects.all())
    assert (found.bugs, found.by_games) == (bugs, found.explained - bugs)
    assert bugs > 0
    assert f"<strong>{bugs:,}</strong>" in text_of(viewer, reverse("triage"))
    assert found.failures == found.explained > 1000
    assert (found.outside, found.compared) == (0, SeasonAudit.objects.get().compared)
    assert f"{found.failures:,}" in text_of(viewer, reverse("triage"))


NARROWED: dict[str, tuple[dict[str, str], Callable[[Finding], bool]]] = {
    "severity": ({"severity": "problem"}, lambda f: f.severity == 2),
    "notes alone": ({"severity": "note"}, lambda f: f.severity == 0),
    "kind": ({"kind": "Phase 3 missing"}, lambda f: f.kind == "Phase 3 missing"),
    "processor": ({"processor": "PDC", "notes": "1"}, lambda f: "PDC" in f.processors),
    "season": ({"season": "2021", "notes": "1"}, lambda f: f.season == YEAR),
    "dates": (
        {"start": "2021-11-01", "end": "2021-11-10", "notes": "1"},
        lambda f: str(f.first) <= "2021-11-10" and str(f.last) >= "2021-11-01",
    ),
    "text": ({"q": "MID_RANGE"}, lambda f: "mid_range" in f.sentence),
}


@pytest.mark.parametrize("name", NARROWED)
def test_every_filter_narrows_the_list_and_nothing_else(
    name: str, demo: Demo, viewer: Client
) -> None:
    query, is_meant = NARROWED[name]
    wanted = [f.pk for f, _ in folded(f for f in Finding.objects.listed() if is_meant(f))]
    assert wanted
    assert shown(viewer, **query) == wanted


@pytest.mark.parametrize("state", [State.ACKNOWLEDGED, State.EXPECTED, State.FIXED, State.CLOSED])
def test_settled_ones_are_shown_when_asked_for(state: str, demo: Demo, viewer: Client) -> None:
    pk = one().pk
    Finding.objects.filter(pk=pk).update(state=state)
    assert shown(viewer, state=state) == [pk]
    assert (pk in shown(viewer)) == (state in Finding.LISTED)
    assert pk in shown(viewer, state="all")


REVERSED = {"start": "2021-12-01", "end": "2021-11-01"}


@pytest.mark.parametrize(
    "query",
    [{"start": "yesterday"}, {"severity": "awful"}, {"season": "x"}, {"state": HOSTILE}, REVERSED],
)
def test_a_filter_that_cannot_be_meant_says_so_and_narrows_nothing(
    query: dict[str, str], demo: Demo, operator: Client
) -> None:
    answer = operator.get(reverse("triage"), query)
    text = answer.content.decode()
    assert answer.status_code == 422
    assert "field-error" in text
    assert HOSTILE not in text
    assert all(f'value="{pk}"' in text for pk in shown(operator))
    assert operator.get(reverse("triage"), query, headers=HTMX)["HX-Retarget"] == "#alerts"


def test_what_phase_3_lacks_is_loaded_before_it_is_backfilled(
    demo: Demo, operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Finding.objects.filter(kind="Phase 3 missing").earliest("pk")
    url = reverse("finding", args=[found.pk])
    for name in ("triage", "home"):
        text = text_of(operator, reverse(name))
        assert f'href="{url}#fix"' in text
        assert "/backfills/new/?finding=" not in text
    text = text_of(operator, url)
    tables = ",".join(t.short for t in INPUTS if str(t) in found.evidence["tables"])
    tables = "" if len(found.evidence["tables"]) == len(INPUTS) else f"tables={tables}&amp;"
    assert f"{reverse('load')}?{tables}start={found.first}&amp;end={found.last}" in text
    assert 'name="previewed"' not in text
    monkeypatch.setattr("backfill.audit.source_correction.is_missing", lambda finding: False)
    assert 'name="previewed"' in text_of(operator, url)


def test_the_fragment_is_the_list_alone(demo: Demo, viewer: Client) -> None:
    text = viewer.get(reverse("triage"), headers=HTMX).content.decode()
    assert text.startswith('<div id="findings"')
    assert "<html" not in text


def test_nothing_to_look_at_says_over_how_much(demo: Demo, viewer: Client) -> None:
    Finding.objects.update(state=State.CLOSED)
    text = text_of(viewer, reverse("triage"))
    assert "Needs attention: none" in text
    assert re.search(r"2021-22: [\d,]+ failures, [\d,]+ bugs?, all triaged", text)


def test_a_strip_marks_the_dates_of_the_season(demo: Demo) -> None:
    finding = one("column jump")
    season = [finding.first + timedelta(days=n) for n in range(-3, 30)]
    drawn = strip(finding, season)
    assert f'<rect x="3" y="0" width="{len(finding.dates)}"' in drawn
    assert f"{len(finding.dates)} of 33 dates in the season" in drawn


def test_the_number_of_queries_is_that_of_one_finding(demo: Demo, viewer: Client) -> None:
    viewer.get(reverse("triage"))

    def asked(**query: str) -> int:
        with CaptureQueriesContext(
            connection,
        ) as found:
            viewer.get(reverse("triage"), query)
        return len(found)

    few = asked(kind="column jump")
    template = one()
    fields = {
        f.attname: getattr(template, f.attname)
        for f in Finding._meta.fields
        if f.attname not in ("id", "subject")
    }
    Finding.objects.bulk_create(Finding(**fields, subject=str(n)) for n in range(120))
    assert asked() == few <= 17
    assert len(shown(viewer)) == 25
    assert (
        len(shown(viewer, page="3", size="50"))
        == Finding.objects.listed().filter(severity__gt=0, root=None).count() - 100
    )


# Finding


def test_a_finding_shows_its_evidence_its_advice_and_what_to_start(
    demo: Demo, operator: Client
) -> None:
    finding = one()
    text = text_of(operator, reverse("finding", args=[finding.pk]))
    assert finding.advice in text
    assert "fg_makes 23 &gt; fg_attempts 21" in text
    assert "owner: Phase 3 (nba_analytics)" in text
    assert reverse("finding_rows", args=[finding.pk]) in text
    assert f"{reverse('load')}?tables=PGS&amp;rows=on" in text
    assert reverse("date", args=[finding.dates[0]]) in text
    assert 'name="previewed"' not in text


def test_a_viewer_sees_the_actions_as_those_of_operators(demo: Demo, viewer: Client) -> None:
    text = text_of(viewer, reverse("finding", args=[one().pk]))
    assert "operators only" in text
    assert "?finding=" not in text


def test_the_evidence_is_the_stored_query_run(demo: Demo, viewer: Client) -> None:
    finding = one("column jump")
    text = text_of(viewer, reverse("finding_evidence", args=[finding.pk]))
    rows = evidence.evidence_of(finding).rows
    assert text.startswith('<div id="evidence"')
    assert f"{len(rows)} rows" in text
    assert "mid_range_makes_null" in text
    assert f"{len(rows)} rows" in text_of(viewer, reverse("finding", args=[finding.pk]), evidence=1)


def test_evidence_is_cut_after_its_first_rows(demo: Demo, viewer: Client) -> None:
    finding = one("duplicate input")
    assert "First 200 rows" in text_of(viewer, reverse("finding_evidence", args=[finding.pk]))


@pytest.mark.parametrize(
    "sql", ["", "SELECT nothing FROM nowhere", "DROP TABLE nba_analytics.player_game_summary"]
)
def test_evidence_that_cannot_be_shown_says_why(sql: str, demo: Demo, viewer: Client) -> None:
    pk = one().pk
    Finding.objects.filter(pk=pk).update(query=sql)
    assert "field-error" in text_of(viewer, reverse("finding_evidence", args=[pk]))


@pytest.mark.parametrize("name", ["finding", "finding_evidence"])
def test_a_finding_that_is_not_there_is_not_found(name: str, demo: Demo, viewer: Client) -> None:
    assert viewer.get(reverse(name, args=[999_999])).status_code == 404


# Marks


@pytest.mark.parametrize("state", [State.ACKNOWLEDGED, State.EXPECTED, State.FIXED])
def test_marking_keeps_who_and_why(state: str, demo: Demo, operator: Client) -> None:
    finding = one()
    answer = operator.post(
        reverse("finding", args=[finding.pk]), {"state": state, "note": f"seen {HOSTILE}"}
    )
    assert (answer.status_code, answer["Location"]) == (302, reverse("finding", args=[finding.pk]))
    finding.refresh_from_db()
    assert (finding.state, finding.marked_by, finding.note) == (state, "otto", f"seen {HOSTILE}")
    event = finding.events.order_by("pk").last()
    assert event is not None
    assert (event.actor, event.action, event.reason) == (
        "otto",
        f"open → {state}",
        f"seen {HOSTILE}",
    )
    for url in (reverse("finding", args=[finding.pk]), f"{reverse('triage')}?state=all"):
        text = text_of(operator, url)
        assert AS_TEXT in text
        assert HOSTILE not in text


REFUSED: dict[str, tuple[dict[str, str], str]] = {
    "without a note": (
        {"state": "fixed", "note": " "},
        "enter a reason; it is stored with the finding",
    ),
    "as it is already": ({"state": "open", "note": "once more"}, "is already open"),
    "as nothing that there is": (
        {"state": HOSTILE, "note": "a note to keep"},
        "not one of the available choices",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_marked_is_said_beside_the_form_and_the_note_stays(
    name: str, demo: Demo, operator: Client
) -> None:
    given, sentence = REFUSED[name]
    answer = operator.post(reverse("finding", args=[one().pk]), given)
    text = answer.content.decode()
    assert answer.status_code == 422
    assert sentence in text
    assert given["note"] in text
    assert HOSTILE not in text
    assert one().state == State.OPEN


def test_several_are_marked_with_one_note(demo: Demo, operator: Client) -> None:
    chosen = [
        f.pk for f in Finding.objects.all() if f.kind in ("Phase 3 missing", "impossible value")
    ]
    given = {"finding": chosen, "state": "acknowledged", "note": "Phase 3 is told"}
    answer = operator.post(f"{reverse('triage_mark')}?severity=problem", given)
    assert (answer.status_code, answer["Location"]) == (
        302,
        f"{reverse('triage')}?severity=problem",
    )
    found = Finding.objects.filter(pk__in=chosen)
    assert {(f.state, f.note, f.marked_by) for f in found} == {
        ("acknowledged", "Phase 3 is told", "otto")
    }


def test_of_several_all_are_marked_or_none(demo: Demo, operator: Client) -> None:
    closed, fine = one("column jump"), one()
    Finding.objects.filter(pk=closed.pk).update(state=State.CLOSED)
    given = {"finding": [fine.pk, closed.pk], "state": "fixed", "note": "both"}
    answer = operator.post(reverse("triage_mark"), given)
    text = answer.content.decode()
    assert answer.status_code == 422
    assert f"finding {closed.pk} is closed" in text
    assert f'value="{fine.pk}" id="tick-{fine.pk}" checked' in " ".join(text.split())
    assert one().state == State.OPEN
    assert one().events.count() == 1


def test_nothing_ticked_is_said(demo: Demo, operator: Client) -> None:
    answer = operator.post(reverse("triage_mark"), {"state": "fixed", "note": "all of it"})
    assert answer.status_code == 422
    assert "Select at least one finding" in answer.content.decode()


# Audits


def posts() -> dict[str, dict[str, Any]]:
    return {
        reverse("finding", args=[one().pk]): {"state": "fixed", "note": "no"},
        reverse("triage_mark"): {"finding": one().pk, "state": "fixed", "note": "no"},
        reverse("triage_audit"): {"season": YEAR},
    }


def test_a_viewer_changes_nothing(demo: Demo, viewer: Client) -> None:
    before = list(Finding.objects.values()), list(SeasonAudit.objects.values())
    assert {viewer.post(url, given).status_code for url, given in posts().items()} == {403}
    assert (list(Finding.objects.values()), list(SeasonAudit.objects.values())) == before


def test_without_a_worker_a_season_is_judged_at_once(demo: Demo, operator: Client) -> None:
    before = SeasonAudit.objects.get()
    answer = operator.post(reverse("triage_audit"), {"season": YEAR})
    assert (answer.status_code, answer["Location"]) == (302, reverse("triage"))
    after = SeasonAudit.objects.get()
    assert after.at > before.at
    assert (after.compared, after.unexplained) == (before.compared, before.unexplained)


@pytest.mark.parametrize("season", ["", HOSTILE, "-1", "2031"])
def test_a_season_that_is_not_there_cannot_be_judged(
    season: str, demo: Demo, operator: Client
) -> None:
    answer = operator.post(reverse("triage_audit"), {"season": season})
    assert answer.status_code == 422
    assert HOSTILE not in answer.content.decode()
    assert "season" in answer.content.decode().lower()


def test_a_requested_audit_is_running_until_it_is_stored(demo: Demo, operator: Client) -> None:
    asked = {"auditing": YEAR, "asked": now().isoformat()}
    running = '<span class="state s-running"'
    assert running in text_of(operator, reverse("triage"), **asked)
    SeasonAudit.objects.update(at=now())
    assert running not in text_of(operator, reverse("triage"), **asked)


def test_a_worker_that_does_not_come_is_not_waited_for(demo: Demo, operator: Client) -> None:
    SeasonAudit.objects.update(at=datetime(2020, 1, 1, tzinfo=UTC))
    asked = {"auditing": YEAR, "asked": (now() - timedelta(minutes=3)).isoformat()}
    text = text_of(operator, reverse("triage"), **asked)
    assert "No worker has started the audit" in text


@pytest.mark.parametrize("asked", ["", "soon", "2021-13-45T00:00", "2021-11-11T11:11"])
def test_what_is_no_time_was_not_asked(asked: str, demo: Demo, viewer: Client) -> None:
    text = text_of(viewer, reverse("triage"), auditing=YEAR, asked=asked)
    assert '<span class="state s-running"' not in text


def test_a_list_has_no_more_on_a_page_than_it_says(demo: Demo) -> None:
    found = listing(FindingFilters({}, [YEAR]), "", 25)
    assert (found.page.number, found.total) == (
        1,
        Finding.objects.listed().filter(severity__gt=0, root=None).count(),
    )


def test_an_impossible_value_names_the_row_and_its_query_returns_it_alone(
    demo: Demo, viewer: Client
) -> None:
    finding = one()
    (row,) = evidence.evidence_of(finding).rows
    assert row["fg_makes"] > row["fg_attempts"]
    key = f"{row['player_lookup']} on {row['game_date']}, game {row['game_id']}"
    assert finding.numbers["sample"] == [key]
    assert f"the row of {key}" in finding.action["first"]
    assert key in text_of(viewer, reverse("finding", args=[finding.pk]))


def test_a_number_that_there_is_not_is_named_with_the_list(demo: Demo, viewer: Client) -> None:
    for name, words in (
        ("finding", "There is no finding 987654. The Triage page"),
        ("job", "There is no job 987654. The Jobs page"),
    ):
        answer = viewer.get(reverse(name, args=[987654]))
        assert answer.status_code == 404
        assert words in answer.content.decode()
