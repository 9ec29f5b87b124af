"""Form for a backfill: starts the previewed plan, shows errors at fields, keeps typed values."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from html import unescape
from typing import Any

import pytest
from django.core.signing import dumps
from django.http import QueryDict
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now
from pytest_django import DjangoAssertNumQueries

from backfill.jobs.launches import get_preset, launch_backfill, list_presets
from backfill.jobs.start import preview_job, start_job
from backfill.models import Event, Finding, Job, Launch, Run
from backfill.plan import preflight, rerun_policy
from backfill.plan.option_fields import default_of, spec_of
from backfill.plan.options import FIELDS, Options
from backfill.plan.planning import PlannedAction
from backfill.processors.registry import CHAIN
from backfill.season_calendar import load_calendar
from tests.webapp.demo import END, FAULTY, START, Demo
from validation.season import Calendar, Game
from webapp.pages.new_backfill.date_picks import picked, picks
from webapp.pages.new_backfill.form import LaunchForm
from webapp.pages.new_backfill.link import DATES, POLICIES, POLICY_FLAGS, query_of

pytestmark = [pytest.mark.database, pytest.mark.django_db]
HTMX = {"HX-Request": "true"}
HOSTILE = "<script>alert('late')</script>"
# A week without runs, and complete dates.
FREE = {"start": "2022-01-03", "end": "2022-01-09"}
DONE = {"start": "2021-11-05", "end": "2021-11-07"}
FREE_OPTIONS = Options(start=date(2022, 1, 3), end=date(2022, 1, 9), reason="late data")

EVERY = replace(
    FREE_OPTIONS,
    processors=("PCF", "ML"),
    mode="normal",
    batch_size=4,
    parallel=3,
    canary=False,
    brake=False,
    max_retries=2,
    newest_first=True,
    skip_trigger=True,
    skip_preflight=True,
    reason=f"spaces & {HOSTILE}",
)


def page(client: Client, **typed: str) -> str:
    """Return the page as text without entities."""
    answer = client.get(reverse("backfill_new"), typed)
    assert answer.status_code == 200, answer.get("Location", "")
    return unescape(answer.content.decode())


def sealed(html: str) -> str:
    """Return the signed plan of a page."""
    found = re.search(r'name="previewed" value="([^"]+)"', html)
    assert found
    return found[1]


def start(client: Client, seal: str, *, headers: Any = None, **typed: Any) -> Any:
    return client.post(reverse("backfill_new"), {**typed, "previewed": seal}, headers=headers or {})


def button(html: str) -> tuple[str, str]:
    """Return the tag and the label of the start button."""
    found = re.search(r'(<button[^>]*id="start-button"[^>]*>)(.*?)</button>', html, re.DOTALL)
    assert found
    return found[1], found[2]


def error_of(html: str, field: str) -> str:
    found = re.search(rf'id="new-{field}_error"[^>]*>(.*?)</div>', html, re.DOTALL)
    assert found, field
    return re.sub(r"<[^>]+>", "", found[1]).replace("✖", "").strip()


# Preview


def test_without_a_word_the_form_proposes_the_newest_season(operator: Client, demo: Demo) -> None:
    html = page(operator)
    season = load_calendar().season(2021)
    assert f'name="start" value="{season[0].day}"' in html
    assert f'name="end" value="{season[-1].day}"' in html


def test_the_headline_and_the_button_say_exactly_what_runs(operator: Client, demo: Demo) -> None:
    html = page(operator, **FREE, reason="late data")
    plan = preview_job(FREE_OPTIONS).plan
    runs = [r for r in plan.runs if r.action is PlannedAction.RUN]
    assert f"<h2>{len(runs)} runs on {len(plan.dates)} dates will run</h2>" in html
    tag, words = button(html)
    assert f"Start {len(runs)} runs on {len(plan.dates)} dates" in words
    assert 'type="submit"' in tag


def test_where_nothing_is_left_the_button_does_not_count_to_zero(
    operator: Client, demo: Demo
) -> None:
    html = page(operator, start="2021-11-26", end="2021-11-27", what="missing", processors="PSZA")
    assert 'id="start-button"' not in html
    assert "Start 0" not in html
    assert "All runs are complete" in html


def test_every_date_is_there_with_its_type_its_week_and_the_reason(
    operator: Client, demo: Demo
) -> None:
    dates = {"start": "2021-10-31", "end": "2021-11-03"}
    everything = {**dates, "what": "everything", "processors": "PSZA"}
    html = operator.get(reverse("backfill_plan"), everything).content.decode()
    assert "bootstrap: day 12, processing starts on day 14" in html
    assert "forced" in html
    for day in ("2021-10-31", "2021-11-03"):
        assert f">{day}</a></th>" in html


def test_a_preview_is_the_same_fragment_at_its_own_address_and_gives_the_form_its_address(
    operator: Client, demo: Demo
) -> None:
    answer = operator.get(reverse("backfill_preview"), {**FREE, "canary": "off"}, headers=HTMX)
    assert answer.content.decode().startswith('<section id="preview"')
    assert answer["HX-Replace-Url"] == "/backfills/new/?start=2022-01-03&end=2022-01-09&canary=off"


MANY = "\n".join(str(START + timedelta(n % 170)) for n in range(500))  # as pasted by a user


def test_as_many_dates_as_no_address_holds_are_previewed_turned_over_picked_kept_and_started(
    operator: Client, demo: Demo
) -> None:
    typed = {
        "by": "list",
        "dates": MANY,
        "processors": "PSZA",
        "reason": "many dates",
        "start": "",
        "skip_preflight": "on",
    }
    answer = operator.post(reverse("backfill_preview"), typed, headers=HTMX)
    html = answer.content.decode()
    assert (answer.status_code, answer["HX-Replace-Url"]) == (200, reverse("backfill_new"))
    assert "save a preset instead" in html
    assert not re.search(r'(?:href|hx-get)="[^"]{2000,}"', html)
    page = operator.post(
        reverse("backfill_plan"), {**typed, "page": "2"}, headers=HTMX
    ).content.decode()
    assert "26–50 of 170" in page
    picked = operator.post(reverse("backfill_new"), {**typed, "pick": "from:2"}, headers=HTMX)
    assert (picked.status_code, picked["HX-Push-Url"]) == (200, reverse("backfill_new"))
    assert MANY in picked.content.decode()
    operator.post(reverse("backfill_preset"), {**typed, "name": "many"})
    assert len(get_preset("many").parsed_options.days) == 170
    made = start(operator, sealed(html), **typed)
    assert (made.status_code, made["Location"][:6]) == (302, "/jobs/"), made.content.decode()


def test_a_preview_by_post_needs_its_token_and_changes_nothing(demo: Demo, viewer: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = viewer.cookies
    assert strict.post(reverse("backfill_preview"), FREE, headers=HTMX).status_code == 403
    jobs = Job.objects.count()
    assert (
        "will run" in viewer.post(reverse("backfill_preview"), FREE, headers=HTMX).content.decode()
    )
    assert Job.objects.count() == jobs


def test_what_the_preflight_blocks_can_be_left_out_beside_what_is_left_out_already(
    operator: Client, demo: Demo
) -> None:
    typed = {"start": str(START), "end": str(END), "what": "everything", "exclude": "2021-11-22"}
    html = page(operator, **typed)
    found = re.search(r'value="(leave:[^"]+)"', html)
    assert found
    answer = operator.post(reverse("backfill_new"), {**typed, "pick": found[1]}, headers=HTMX)
    left = unescape(answer.content.decode())
    assert f">\n2021-11-22 {found[1].removeprefix('leave:')}</textarea>" in left
    assert 'value="leave:' not in left


def test_the_brake_that_a_finding_puts_off_says_why(operator: Client, demo: Demo) -> None:
    found = next(
        f for f in Finding.objects.exclude(action=None) if f.action and not f.action["brake"]
    )
    html = operator.get(
        reverse("backfill_new"), {"finding": found.pk}, follow=True
    ).content.decode()
    assert "these dates have a known bug" in html
    assert "these dates have a known bug" not in page(operator, brake="off", reason="mine")


def test_a_reason_that_is_too_long_is_refused_and_not_cut(operator: Client, demo: Demo) -> None:
    html = page(operator, **FREE, reason=2001 * "x")
    assert "at most 2000 characters (it has 2001)" in error_of(html, "reason")
    assert 2001 * "x" in html


def test_the_command_starts_the_same(operator: Client, demo: Demo) -> None:
    html = page(operator, **FREE, processors="PSZA,PCF", brake="off", reason="late data")
    words = "./manage.py backfill --start 2022-01-03 --end 2022-01-09 --processors PSZA,PCF --no-pause-on-error --reason='late data'"
    assert f">{words}</pre>" in html


def test_a_job_that_holds_the_dates_is_named_with_a_link(operator: Client, demo: Demo) -> None:
    job = start_job(FREE_OPTIONS, "ann")
    assert job
    html = page(operator, **FREE, reason="me too")
    assert f'<a href="/jobs/{job.pk}/">Open job {job.pk}</a>' in html
    assert f"ob {job.pk} (ann, queued) holds" in html
    assert 'id="start-button"' not in html


def test_how_many_must_fail_is_said_before_the_start(operator: Client, demo: Demo) -> None:
    html = page(operator, start=str(FAULTY), end=str(FAULTY), what="everything", processors="PSZA")
    assert re.search(r'title="INSUFFICIENT_DATA [\d,]+[^"]*">[\d,]+ of [\d,]+ \(\d+\.\d %\)', html)


def test_the_plan_has_a_page_of_its_own_in_parts(operator: Client, demo: Demo) -> None:
    season = {"start": "2021-10-19", "end": "2022-04-10"}
    first = operator.get(reverse("backfill_plan"), season).content.decode()
    second = operator.get(
        reverse("backfill_plan"), {**season, "page": "2"}, headers=HTMX
    ).content.decode()
    assert 'rel="next"' in first
    assert 'rel="prev"' not in first
    assert second.startswith('<div id="plan"')
    assert "26–50 of" in second
    assert "size=50" in second
    assert 'rel="prev"' in second
    assert first.count('<th scope="row">') == 25


def test_a_longer_range_asks_the_database_no_more_often(
    operator: Client, demo: Demo, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for end in ("2021-11-08", "2022-04-10"):
        with django_assert_max_num_queries(27):
            operator.get(reverse("backfill_preview"), {"start": "2021-11-05", "end": end})


def test_without_a_season_the_page_says_how_to_load_one(
    operator: Client, settings: Any, tmp_path: Any
) -> None:
    settings.WAREHOUSE_URL = f"parquet:{tmp_path}"
    assert "manage.py simulate_season" in page(operator)


# Errors


NAME_ANOTHER = "set a later time, or none to start now"
BAD = [
    ({"start": "2021-13-01"}, "start", "2021-13-01 is not a date"),
    ({"start": "soon"}, "start", "Enter a date as YYYY-MM-DD"),
    (
        {"end": "2021-12-01"},
        "end",
        "The last date 2021-12-01 is before the first date 2022-01-03; swap them",
    ),
    (
        {"start": "1990-01-01"},
        "end",
        "1990-01-01 to 2022-01-09 spans more than 20 seasons; start several jobs",
    ),
    (
        {"by": "list", "dates": "2022-02-30"},
        "dates",
        "'2022-02-30' is not a calendar date; check the day and month",
    ),
    (
        {"by": "list", "dates": "2022-01-05..2022-01-03"},
        "dates",
        "'2022-01-05..2022-01-03' ends before it starts; write the earlier date first",
    ),
    (
        {"exclude": "2021-11-25"},
        "exclude",
        "No excluded date is in the range: 2021-11-25; change the excluded dates",
    ),
    (
        {"processors": "PSZA,XYZ"},
        "processors",
        "Unknown processor 'XYZ'; choose from TDZA, PSZA, PCF, PDC, ML",
    ),
    (
        {"processors": ""},
        "processors",
        "Choose one or more of TDZA, PSZA, PCF, PDC, ML, in this order",
    ),
    ({"mode": "fast"}, "mode", "Select a valid choice. fast is not one of the available choices."),
    (
        {"batch_size": "367"},
        "batch_size",
        "Dates per batch must be 1 to 366, or 0 for automatic; not 367",
    ),
    ({"batch_size": "many"}, "batch_size", "Write a whole number"),
    (
        {"parallel": "65"},
        "parallel",
        "The concurrency limit must be 1 to 64, or 0 for the default; not 65",
    ),
    ({"max_retries": "-1"}, "max_retries", "Automatic retries must be 0 to 1000; not -1"),
    (
        {"skip_preflight": "on"},
        "skip_preflight",
        "Skipping the preflight requires a reason, which is stored with the job",
    ),
    (
        {"skip_trigger": "on"},
        "skip_trigger",
        "Only normal mode can skip the Phase 5 trigger; backfill mode never triggers Phase 5",
    ),
    ({"at": "soon"}, "at", "Enter a time as YYYY-MM-DD HH:MM"),
    ({"at": "2021-11-22 10:30"}, "at", f"2021-11-22 10:30 UTC is in the past; {NAME_ANOTHER}"),
]


@pytest.mark.parametrize(
    ("wrong", "field", "sentence"),
    BAD,
    ids=[f"{field} {list(wrong.values())}" for wrong, field, _ in BAD],
)
def test_what_is_wrong_is_said_beside_its_field(
    operator: Client, demo: Demo, wrong: dict[str, str], field: str, sentence: str
) -> None:
    html = unescape(
        operator.get(reverse("backfill_preview"), {**FREE, **wrong}, headers=HTMX).content.decode()
    )
    assert error_of(html, field) == sentence
    assert [name for name in LaunchForm.base_fields if error_of(html, name)] == [field]
    assert 'id="start-button"' not in html


def test_a_field_that_is_wrong_takes_nothing_from_the_rest_of_the_preview(
    operator: Client, demo: Demo
) -> None:
    assert "runs on 7 dates will run" in page(operator, **FREE, batch_size="999", max_retries="x")


def test_a_season_that_is_not_loaded_is_a_sentence_in_the_place_of_the_preview(
    operator: Client, demo: Demo
) -> None:
    assert "No Phase 3 data for the season 2018-19" in page(
        operator, start="2018-11-01", end="2018-11-02"
    )


def test_a_refused_start_loses_nothing_that_was_typed(operator: Client, demo: Demo) -> None:
    typed = {
        **FREE,
        "processors": "PSZA",
        "parallel": "3",
        "canary": "off",
        "what": "outdated",
        "exclude": "2022-01-05",
    }
    answer = start(operator, sealed(page(operator, **typed)), **typed)
    html = unescape(answer.content.decode())
    assert answer.status_code == 422
    assert error_of(html, "reason").startswith("Enter a reason")
    assert (
        LaunchForm(QueryDict(re.search(r'name="state" value="([^"]*)"', html)[1])).typed
        == LaunchForm(_query(typed)).typed
    )  # type: ignore[index]
    assert not Job.objects.filter(actor="otto").exists()


def _query(typed: dict[str, str]) -> QueryDict:
    found = QueryDict(mutable=True)
    found.update(typed)
    return found


def test_a_hostile_reason_is_shown_as_text(operator: Client, demo: Demo) -> None:
    raw = operator.get(
        reverse("backfill_new"), {**FREE, "reason": HOSTILE, "dates": HOSTILE, "exclude": HOSTILE}
    ).content.decode()
    assert "<script>alert" not in raw
    assert "&lt;script&gt;alert" in raw


def test_a_wrong_range_is_said_at_its_end_also_while_dates_are_excluded(demo: Demo) -> None:
    wrong = {**FREE, "end": "2021-12-01", "exclude": "2022-01-05"}
    assert list(LaunchForm(_query(wrong)).errors) == ["end"]


def test_a_list_of_more_than_twenty_seasons_is_an_error_of_the_list(
    operator: Client, demo: Demo
) -> None:
    html = page(operator, by="list", dates="1990-01-01, 2022-01-09", start="", end="")
    assert "spans more than 20 seasons" in error_of(html, "dates")


# Derived from Options


def test_every_option_has_a_field_or_a_policy() -> None:
    flags = {flag for policy in POLICIES.values() for flag in policy}
    assert set(FIELDS) - set(LaunchForm.base_fields) == flags
    assert set(LaunchForm.base_fields) - set(FIELDS) == {
        "of_finding",
        "by",
        "exclude",
        "what",
        "at",
    }


@pytest.mark.parametrize("name", [name for name in FIELDS if name in LaunchForm.base_fields])
def test_labels_bounds_choices_and_help_are_those_of_the_declaration(name: str) -> None:
    spec, field = spec_of(FIELDS[name]), LaunchForm.base_fields[name]
    assert field.label == spec.label != ""
    assert field.help_text in (spec.description, "")
    assert field.widget.attrs.get("max") == spec.most
    assert [value for value, _ in getattr(field, "choices", [])] == list(spec.choices)


@pytest.mark.parametrize("name", FIELDS)
def test_each_option_alone_goes_through_the_address(name: str) -> None:
    changed = replace(EVERY, **({name: True} if name in POLICY_FLAGS else {}))
    assert (
        name in (*DATES, "cells")
        or name in POLICY_FLAGS
        or getattr(changed, name) != default_of(FIELDS[name])
    )
    assert LaunchForm(QueryDict(query_of(changed))).options == changed


# Starting


@pytest.mark.parametrize(
    "typed",
    [FREE, {"start": "2021-12-17", "end": "2021-12-24", "processors": "PCF,PDC,ML"}],
    ids=["new", "partly done"],
)
def test_the_runs_of_the_job_are_the_plan_of_the_preview(
    operator: Client, demo: Demo, typed: dict[str, str]
) -> None:
    typed = {**typed, "reason": "late data"}
    seal, shown = sealed(page(operator, **typed)), LaunchForm(_query(typed)).options
    assert shown
    plan = preview_job(shown).plan
    answer = start(operator, seal, **typed)
    job = Job.objects.get(actor="otto")
    assert (answer.status_code, answer["Location"]) == (302, f"/jobs/{job.pk}/")
    made = {(r.processor, r.date, r.batch): r.status for r in job.runs.all()}
    planned = {(r.processor, r.date, r.batch): Run.Status.PENDING for r in plan.todo}
    kept = {
        (r.processor, r.date, -1): Run.Status.SKIPPED
        for r in plan.runs
        if r.action is PlannedAction.KEEP
    }
    assert made == planned | kept
    assert job.parsed_options == shown
    assert job.reason == "late data"


def test_with_scripts_the_whole_page_goes_to_the_job(operator: Client, demo: Demo) -> None:
    typed = {**FREE, "reason": "late data"}
    answer = start(operator, sealed(page(operator, **typed)), headers=HTMX, **typed)
    assert answer["HX-Redirect"] == f"/jobs/{Job.objects.get(actor='otto').pk}/"


def test_without_scripts_the_address_of_the_preview_is_what_starts(
    operator: Client, demo: Demo
) -> None:
    state = query_of(FREE_OPTIONS)
    answer = start(operator, sealed(page(operator, **FREE, reason="late data")), state=state)
    assert answer.status_code == 302
    assert Job.objects.get(actor="otto").parsed_options == FREE_OPTIONS


def test_a_plan_that_has_changed_is_not_started_and_what_changed_is_said(
    operator: Client, demo: Demo
) -> None:
    typed = {
        "start": "2021-11-19",
        "end": "2021-12-22",
        "processors": "TDZA",
        "reason": "late data",
    }
    seal = sealed(page(operator, **typed))
    gone = Run.objects.filter(processor="TDZA", date="2021-12-10")
    Event.objects.filter(run__in=gone).delete()
    gone.delete()
    answer = start(operator, seal, **typed)
    html = unescape(answer.content.decode())
    assert answer.status_code == 409
    assert (
        "1 date changed since the preview: 2021-12-10 TDZA: keep (already complete) → run" in html
    )
    assert not Job.objects.filter(actor="otto").exists()
    assert start(operator, sealed(html), **typed).status_code == 302


def test_other_options_than_those_of_the_preview_are_not_started(
    operator: Client, demo: Demo
) -> None:
    seal = sealed(page(operator, **FREE, reason="late data"))
    answer = start(
        operator, seal, headers=HTMX, **{**FREE, "end": "2022-01-10"}, reason="late data"
    )
    assert answer.status_code == 409
    assert "options changed since the preview (end)" in unescape(answer.content.decode()).lower()


@pytest.mark.parametrize(
    "seal", ["", "nonsense", pytest.param(dumps({"options": {}}, salt="another"), id="another")]
)
def test_nothing_starts_without_a_preview_that_was_made_here(
    operator: Client, demo: Demo, seal: str
) -> None:
    assert start(operator, seal, **FREE, reason="late data").status_code == 422
    assert not Job.objects.filter(actor="otto").exists()


def test_to_replace_what_is_complete_its_number_is_typed(operator: Client, demo: Demo) -> None:
    typed = {**DONE, "what": "everything", "processors": "PSZA", "reason": "again"}
    html = page(operator, **typed)
    assert "3 complete runs will be overwritten" in html
    for number in ("", "2", "yes"):
        answer = start(operator, sealed(html), overwrites=number, **typed)
        assert "type 3 to confirm" in unescape(answer.content.decode())
    assert start(operator, sealed(html), overwrites="3", **typed).status_code == 302


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count the calls of plan() and the preflight's report()."""
    calls: Counter[str] = Counter()

    def counted(name: str, real: Any) -> Any:
        def counting(*args: Any, **given: Any) -> Any:
            calls[name] += 1
            return real(*args, **given)

        return counting

    for module, name in ((rerun_policy, "plan"), (preflight, "report")):
        monkeypatch.setattr(module, name, counted(name, getattr(module, name)))
    return calls


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "htmx"])
@pytest.mark.parametrize("user", ["operator", "admin"])
def test_start_computes_plan_and_preflight_once(
    request: pytest.FixtureRequest,
    demo: Demo,
    computed: Counter[str],
    user: str,
    headers: dict[str, str],
) -> None:
    client, typed = request.getfixturevalue(user), {**FREE, "reason": "late data"}
    seal = sealed(page(client, **typed))
    computed.clear()
    answer = start(client, seal, headers=headers, **typed)
    assert answer.status_code in (200, 302)
    assert Job.objects.filter(reason="late data").exists()
    assert computed == {"plan": 1, "report": 1}


def test_a_launch_for_later_and_one_for_approval_compute_them_once(
    operator: Client, demo: Demo, computed: Counter[str], settings: Any
) -> None:
    for more, limit in (({"at": "2999-01-01 02:00"}, 100), ({}, 3)):
        settings.APPROVAL_THRESHOLD_DATES = limit
        typed = {**FREE, "reason": "late data", **more}
        seal = sealed(page(operator, **typed))
        computed.clear()
        assert start(operator, seal, **typed).status_code == 302
        assert computed == {"plan": 1, "report": 1}
    assert Launch.objects.filter(state="waiting").count() == 2


def test_a_plan_that_has_changed_since_is_refused_and_computed_once(
    operator: Client, demo: Demo, computed: Counter[str]
) -> None:
    typed = {**FREE, "reason": "late data"}
    seal = sealed(page(operator, **{**typed, "end": "2022-01-08"}))
    computed.clear()
    assert start(operator, seal, **typed).status_code == 409
    assert (Job.objects.filter(reason="late data").exists(), computed) == (
        False,
        {"plan": 1, "report": 1},
    )


def test_a_viewer_sees_it_all_and_starts_nothing(
    viewer: Client, operator: Client, demo: Demo
) -> None:
    typed = {**FREE, "reason": "late data"}
    html = page(viewer, **typed)
    assert "runs on 7 dates will run" in html
    assert "Operators only" in html
    assert 'id="start-button"' not in html
    seal = sealed(page(operator, **typed))
    assert start(viewer, seal, **typed).status_code == 403
    assert viewer.post(reverse("backfill_preset"), {**typed, "name": "mine"}).status_code == 403
    assert not Job.objects.filter(actor="vera").exists()


@pytest.mark.parametrize(("typed", "reason"), [
    ({**DONE, "reason": "r"}, "All runs are complete; select “All runs, overwriting complete ones” to rerun them"),
    ({**DONE, "what": "failed", "reason": "r"}, "No failed runs on these dates"),
    (FREE, "Enter a reason"),
    ({**FREE, "batch_size": "x", "reason": "r"}, "Fix 1 highlighted field"),
])  # fmt: skip
def test_a_button_that_cannot_be_pressed_says_why(
    operator: Client, demo: Demo, typed: dict[str, str], reason: str
) -> None:
    found = re.search(r'id="start-why"[^>]*>(.*?)</span>', page(operator, **typed), re.DOTALL)
    assert found
    assert found[1].endswith(f"</i> {reason}")


# Scheduled launches and approval


def test_more_than_the_limit_waits_for_a_second_person(
    operator: Client, admin: Client, demo: Demo, settings: Any
) -> None:
    settings.APPROVAL_THRESHOLD_DATES = 3
    typed = {**FREE, "reason": "late data"}
    html = page(operator, **typed)
    assert "Request approval for" in html
    assert start(operator, sealed(html), **typed).status_code == 302
    kept = Launch.objects.get()
    assert (kept.state, kept.actor, kept.job) == ("waiting", "otto", None)
    assert operator.post(reverse("backfill_decide", args=[kept.pk, "approve"])).status_code == 422
    assert (
        "7 dates will run"
        in admin.get(
            reverse("backfill_decide", args=[kept.pk, "approve"]), headers=HTMX
        ).content.decode()
    )
    admin.post(reverse("backfill_decide", args=[kept.pk, "approve"]), {"why": "I looked"})
    kept.refresh_from_db()
    assert (kept.state, kept.approved_by) == ("started", "ada")
    assert kept.job
    assert kept.job.parsed_options == FREE_OPTIONS


def test_the_one_who_asked_can_withdraw_and_others_refuse_with_a_reason(
    operator: Client, admin: Client, demo: Demo
) -> None:
    asked = [
        Launch.objects.create(options=FREE_OPTIONS.as_json(), actor="otto", needs_approval="large")
        for _ in range(2)
    ]
    assert "a second operator" in page(operator).lower()
    assert (
        operator.post(
            reverse("backfill_decide", args=[asked[0].pk, "refuse"]), {"why": "no"}
        ).status_code
        == 422
    )
    assert (
        operator.post(reverse("backfill_decide", args=[asked[0].pk, "withdraw"])).status_code == 302
    )
    assert admin.post(reverse("backfill_decide", args=[asked[1].pk, "refuse"])).status_code == 422
    assert (
        admin.post(
            reverse("backfill_decide", args=[asked[1].pk, "refuse"]), {"why": HOSTILE}
        ).status_code
        == 302
    )
    assert list(Launch.objects.order_by("pk").values_list("state", flat=True)) == [
        "withdrawn",
        "refused",
    ]
    assert f"ada refused it: {HOSTILE}" in page(operator)
    assert HOSTILE not in operator.get(reverse("backfill_new")).content.decode()


def test_an_admin_needs_nobody(admin: Client, demo: Demo, settings: Any) -> None:
    settings.APPROVAL_THRESHOLD_DATES = 3
    typed = {**FREE, "reason": "late data"}
    assert start(admin, sealed(page(admin, **typed)), **typed).status_code == 302
    assert Job.objects.filter(actor="ada").exists()


def test_a_time_to_come_keeps_it_until_then(operator: Client, demo: Demo) -> None:
    typed = {**FREE, "reason": "at night", "at": "2999-01-01 02:00"}
    html = page(operator, **typed)
    assert "dates at 2999-01-01 02:00" in html
    assert "--at '2999-01-01 02:00'" in html
    assert start(operator, sealed(html), **typed).status_code == 302
    assert f"{Launch.objects.get().start_at:%Y-%m-%d %H:%M}" == "2999-01-01 02:00"
    assert "2999-01-01 02:00" in page(operator)


def test_ones_own_timed_launch_starts_by_itself_and_can_only_be_withdrawn(
    operator: Client, admin: Client, demo: Demo
) -> None:
    kept = launch_backfill(FREE_OPTIONS, "otto", start_at=now() + timedelta(days=1))
    assert isinstance(kept, Launch)
    row = re.sub(
        r"<[^>]+>|\s+",
        " ",
        page(operator).partition("Pending launches</caption>")[2].partition("</tbody>")[0],
    )
    assert re.search(r"starts at \S+ \S+", re.sub(r" +", " ", row))
    assert "Withdraw" in row
    assert "Refuse" not in row
    assert "second operator" not in row
    assert "Refuse" in page(admin).partition("Pending launches</caption>")[2]
    assert (
        operator.post(
            reverse("backfill_decide", args=[kept.pk, "withdraw"]), {"why": 2001 * "x"}
        ).status_code
        == 422
    )


@pytest.mark.parametrize("verb", ["approve", "refuse", "withdraw"])
def test_a_viewer_decides_nothing(viewer: Client, demo: Demo, verb: str) -> None:
    kept = Launch.objects.create(
        options=FREE_OPTIONS.as_json(), actor="otto", needs_approval="large"
    )
    assert (
        viewer.post(reverse("backfill_decide", args=[kept.pk, verb]), {"why": "x"}).status_code
        == 403
    )
    assert "operators only" in page(viewer).lower()


def test_what_cannot_be_decided_is_not_found(admin: Client, demo: Demo) -> None:
    assert admin.get(reverse("backfill_decide", args=[1, "burn"])).status_code == 404
    assert admin.get(reverse("backfill_decide", args=[999, "approve"])).status_code == 404


# Prefilled values


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize(
    "options",
    [FREE_OPTIONS, EVERY, Options.of_dates([date(2022, 1, 3), date(2022, 1, 5)])],
    ids=["few", "all", "list"],
)
def test_any_options_go_through_the_address_unchanged(options: Options, policy: str) -> None:
    flags: dict[str, Any] = dict(POLICIES[policy])
    asked = replace(options, **flags)
    form = LaunchForm(QueryDict(query_of(asked)))
    assert form.options == asked
    assert LaunchForm(QueryDict(form.query)).options == asked


def test_a_preset_comes_back_as_it_was_saved(operator: Client, demo: Demo) -> None:
    typed = {k: v for k, v in QueryDict(query_of(EVERY)).items() if isinstance(v, str)}
    assert (
        operator.post(reverse("backfill_preset"), {**typed, "name": "the usual"}).status_code == 302
    )
    href = re.search(
        r'href="(/backfills/new/\?[^"]+)">the usual</a>',
        operator.get(reverse("backfill_new")).content.decode(),
    )
    assert href
    filled = operator.get(unescape(href[1]))["Location"]
    assert LaunchForm(QueryDict(filled.partition("?")[2])).options == EVERY
    again = operator.post(reverse("backfill_preset"), {**typed, "name": "the usual"})
    assert (
        "there is a preset 'the usual' by otto already" in unescape(again.content.decode()).lower()
    )
    kept = get_preset("the usual")
    decide = reverse("backfill_decide", args=[kept.pk, "withdraw"])
    assert "Delete preset the usual?" in unescape(operator.get(decide).content.decode())
    page = operator.post(decide, follow=True).content.decode()
    assert "Preset the usual deleted." in unescape(page)
    assert not list_presets()


def test_a_job_fills_the_form_with_its_options_but_not_its_reason(
    operator: Client, demo: Demo
) -> None:
    job = start_job(replace(FREE_OPTIONS, processors=("PSZA",), newest_first=True), "ann")
    assert job
    answer = operator.get(reverse("backfill_new"), {"job": job.pk})
    form = LaunchForm(QueryDict(answer["Location"].partition("?")[2]))
    assert form.options == replace(job.parsed_options, reason="")


def test_a_finding_fills_the_form_with_what_it_proposes(operator: Client, demo: Demo) -> None:
    found = Finding.objects.exclude(action=None).first()
    assert found
    assert found.action
    answer = operator.get(reverse("backfill_new"), {"finding": found.pk})
    options = LaunchForm(QueryDict(answer["Location"].partition("?")[2])).options
    assert options
    assert (str(options.start), str(options.end)) == (found.action["start"], found.action["end"])
    assert (options.force, options.outdated, options.brake) == tuple(
        found.action[k] for k in ("force", "outdated", "brake")
    )
    assert options.reason.startswith(f"finding {found.pk}: ")


@pytest.mark.parametrize("name", ["job", "finding", "preset"])
@pytest.mark.parametrize("number", ["999999", "x", "9" * 40])
def test_what_is_not_there_fills_nothing(
    operator: Client, demo: Demo, name: str, number: str
) -> None:
    assert operator.get(reverse("backfill_new"), {name: number}).status_code == 404


def test_picks_are_the_dates_of_the_season_in_its_own_terms(demo: Demo) -> None:
    calendar = load_calendar()
    season = calendar.season(2021)
    shown = picks(calendar, Options(start=season[0].day, end=season[-1].day))
    assert shown
    assert [pick.chosen for pick in shown.seasons] == [True]
    assert [pick.words for pick in shown.weeks] == [
        str(n) for n in range(1, (season[-1].week or 0) + 1)
    ]
    week = picked("week:2021:5", calendar, None)
    assert {day.week for day in season if week["start"] <= str(day.day) <= week["end"]} == {5}
    assert picked("month:2021:1", calendar, None)["start"].startswith("2022-01")


def test_a_pick_keeps_what_else_was_typed(operator: Client, demo: Demo) -> None:
    answer = operator.get(
        reverse("backfill_new"),
        {**FREE, "reason": "late data", "brake": "off", "pick": "month:2021:12"},
    )
    assert answer["Location"].startswith(
        "/backfills/new/?start=2021-12-01&end=2021-12-31&reason=late%20data&brake=off"
    )


def test_game_days_only_leaves_out_the_others(demo: Demo) -> None:
    calendar, options = load_calendar(), Options(start=date(2021, 11, 20), end=date(2021, 11, 30))
    left = LaunchForm(_query(picked("games", calendar, options))).options
    assert left
    assert list(left.days) == [day for day in options.days if calendar.day(day).is_processing]


def test_a_season_that_ends_in_october_has_two_octobers() -> None:
    nights = date(2019, 10, 22), date(2019, 10, 23), date(2020, 8, 14), date(2020, 10, 11)
    calendar = Calendar(Game(game_date=night, season_year=2019) for night in nights)
    shown = picks(calendar, None)
    assert shown
    assert [(p.words, p.value) for p in shown.months] == [
        ("Oct", "month:2019:10"),
        ("Aug", "month:2019:8"),
        ("Oct 2020", "month:2019:22"),
    ]
    ends = [picked(p.value, calendar, None) for p in shown.months]
    assert [(e["start"], e["end"]) for e in ends] == [
        ("2019-10-22", "2019-10-23"),
        ("2020-08-14", "2020-08-14"),
        ("2020-10-11", "2020-10-11"),
    ]


def test_the_newest_failed_dates_can_be_picked(operator: Client, demo: Demo) -> None:
    run = Run.objects.filter(date=END, processor="ML").latest("pk")
    Run.objects.filter(pk=run.pk).update(status=Run.Status.FAILED)
    answer = operator.get(reverse("backfill_new"), {"pick": "failed:2021:1"})
    assert answer["Location"] == f"/backfills/new/?by=list&dates={END}"


@pytest.mark.parametrize(
    "pick",
    [
        "week:2021:99",
        "week:1999:1",
        "nonsense",
        "month::",
        "failed:2030:1",
        "week:99999999999:1",
        "from:9",
    ],
)
def test_a_pick_that_there_is_not_is_a_sentence(operator: Client, demo: Demo, pick: str) -> None:
    assert operator.get(reverse("backfill_new"), {"pick": pick}).status_code == 422


def test_a_place_in_the_chain_picks_all_from_there_on(operator: Client, demo: Demo) -> None:
    assert LaunchForm(QueryDict("start_from=3")).cleaned_data["processors"] == list(CHAIN[2:])
    assert operator.get(reverse("backfill_new"), {**FREE, "pick": "from:3"})["Location"].endswith(
        "processors=PCF,PDC,ML"
    )
