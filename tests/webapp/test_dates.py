"""Date pages: the chain of five, its entities, and the page of one entity."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from datetime import date
from typing import Any

import pytest
from django.db.models import F
from django.test import Client
from django.urls import reverse

from backfill.audit.validate_dates import validate
from backfill.drilldown.entities import chosen
from backfill.models import AuditResult, Event, Finding, Job, Run
from backfill.processors.registry import CHAIN, PROCESSORS
from backfill.season_calendar import load_calendar
from backfill.warehouse import warehouse
from backfill.warehouse.tables import FAILURES
from tests.webapp.demo import END, FAULTY, Demo
from validation import recovery
from validation.categories import BY_NAME
from validation.findings.kinds import pluralize
from webapp.pages.date import chain, empty_date

pytestmark = [pytest.mark.database, pytest.mark.django_db]

DAY = date(2021, 11, 22)
BOOTSTRAP, LATER, QUIET = date(2021, 10, 25), date(2022, 2, 2), date(2021, 11, 25)
PLAYED = """
SELECT DISTINCT game_id FROM nba_analytics.player_game_summary
WHERE player_lookup = @name AND game_date < @day AND is_active AND (minutes_played > 0 OR fg_attempts > 0 OR points > 0)
"""
FEW, MISSING = "INSUFFICIENT_DATA", "MISSING_DEPENDENCY"
HTMX = {"HX-Request": "true"}
DIALOG = {**HTMX, "HX-Target": "dialog"}


def page(client: Client, path: str, status: int = 200, **sent: Any) -> str:
    """Return the page at a URL."""
    answer = client.get(path, **sent)
    assert answer.status_code == status, answer.content.decode()[-2000:]
    return answer.content.decode()


def url(name: str, *args: object, **query: object) -> str:
    path = reverse(name, args=args)
    return f"{path}?{'&'.join(f'{k}={v}' for k, v in query.items())}" if query else path


def in_warehouse(day: date, code: str) -> tuple[int, Counter[str]]:
    """Return the number of rows and the failures in the warehouse."""
    p = PROCESSORS[code]
    rows = warehouse().query(
        f"SELECT COUNT(*) AS n FROM {p.output} WHERE {p.output.partition} = @day", {"day": day}
    )
    sql = f"SELECT failure_category AS c FROM {FAILURES} WHERE analysis_date = @day AND processor_name = @name"
    return rows[0]["n"], Counter(
        row["c"] for row in warehouse().query(sql, {"day": day, "name": p.name})
    )


# Date page


@pytest.mark.parametrize("code", CHAIN)
def test_the_counts_on_the_page_are_those_of_the_warehouse(
    code: str, demo: Demo, viewer: Client
) -> None:
    (card,) = (c for c in viewer.get(url("date", DAY)).context["cards"] if c.code == code)
    rows, failures = in_warehouse(DAY, code)
    assert (card.cell.rows, Counter(card.cell.failures)) == (rows, failures)
    assert (card.cell.population, card.unaccounted, card.coverage) == (
        rows + failures.total(),
        0,
        1.0,
    )
    assert {bar.category: bar.failed for bar in card.bars} == dict(failures)


def test_a_date_says_which_it_is_and_what_was_played(demo: Demo, viewer: Client) -> None:
    text = page(viewer, url("date", DAY))
    games = load_calendar().day(DAY).games
    assert f"Monday, regular season, day 34, season week 5, {games} games" in text
    assert len(viewer.get(url("date", DAY)).context["games"]) == games
    assert re.search(r'href="/dates/2021-11-21/"\s+rel="prev"', text)
    assert re.search(r'href="/dates/2021-11-23/"\s+rel="next"', text)


def test_a_card_has_the_run_and_leads_to_it(demo: Demo, viewer: Client) -> None:
    run = Run.objects.get(processor="PSZA", date=DAY)
    text = page(viewer, url("date", DAY))
    assert reverse("run", args=[run.pk]) in text
    assert run.code_version in text
    assert reverse("job", args=[run.job_id]) in text


def test_what_is_outside_expectation_is_counted_apart(demo: Demo, viewer: Client) -> None:
    failed = in_warehouse(DAY, "PDC")[1][FEW]
    AuditResult.objects.filter(processor="PDC", date=DAY).update(
        unexplained=3, lost=2, expected={FEW: failed - 3}
    )
    found = viewer.get(url("date", DAY)).context
    (card,) = (c for c in found["cards"] if c.code == "PDC")
    bar = next(b for b in card.bars if b.category == FEW)
    assert (card.cell.state, card.current_audit.unexplained, card.current_audit.lost) == (
        "outside",
        3,
        2,
    )
    assert (bar.expected, bar.failed) == (failed - 3, failed)
    assert (bar.inside, bar.mark, bar.beyond) == pytest.approx(
        [100 * n / bar.most for n in (failed - 3, failed - 3, 3)]
    )
    assert found["code"] == "PDC"


def test_a_run_whose_output_the_audit_did_not_find_is_lost(demo: Demo, viewer: Client) -> None:
    result = AuditResult.objects.get(processor="PDC", date=DAY)
    result.explained = result.unexplained = result.lost = 0
    result.unaccounted = result.population
    result.save()
    (card,) = (c for c in viewer.get(url("date", DAY)).context["cards"] if c.code == "PDC")
    assert (card.cell.state, card.cell.rows, card.cell.failed) == ("output lost", None, 0)
    text = page(viewer, url("date", DAY))
    assert "partition is missing or unreadable" in text
    assert "Not audited since this run" not in text


def test_a_run_that_was_not_judged_since_shows_no_verdict_of_an_older_one(
    demo: Demo, viewer: Client
) -> None:
    AuditResult.objects.filter(processor="PSZA", date=DAY).update(run_id="older")
    (card,) = (c for c in viewer.get(url("date", DAY)).context["cards"] if c.code == "PSZA")
    assert card.current_audit is None
    assert "Not audited since this run" in page(viewer, url("date", DAY))


def impossible() -> tuple[date, str, str]:
    """Return a date, a processor and an entity that fails there because of an impossible value."""
    finding = Finding.objects.get(kind="impossible value")
    day, code = date.fromisoformat(finding.dates[-1]), finding.processors[-1]
    return day, code, chosen(day, code, category="PROCESSING_ERROR")[0].name


def test_who_fails_by_an_impossible_source_row_is_never_shown_as_expected(
    demo: Demo, viewer: Client
) -> None:
    day, code, name = impossible()
    found = viewer.get(url("entities", day, code, category="PROCESSING_ERROR")).context
    assert {str(line.entity.match) for line in found["lines"]} == {"impossible"}
    tabs = found["page"].tabs
    assert tabs["impossible"] == tabs["PROCESSING_ERROR"]
    assert tabs["failed"] == tabs["explained"] + tabs["impossible"]
    for text in (
        page(viewer, url("entity", day, code, name)),
        page(viewer, url("entities", day, code, category="impossible")),
    ):
        assert '<span class="state-detail">impossible source value</span>' in text
    story = page(viewer, url("entity", day, code, name))
    assert "expected: <code>" not in story
    assert ">expected failure<" not in story
    assert recovery.CORRECTION in story


def test_bugs_are_counted_and_painted_apart_on_the_date(demo: Demo, viewer: Client) -> None:
    day, code, _ = impossible()
    answer = viewer.get(url("date", day))
    (card,) = (c for c in answer.context["cards"] if c.code == code)
    assert card.bugs == card.cell.failures["PROCESSING_ERROR"]
    assert card.by_games + card.bugs == card.current_audit.explained
    assert card.by_games + card.bugs == card.cell.failed
    assert (
        f", {pluralize(card.by_games, 'expected failure')}, {pluralize(card.bugs, 'bug')}"
        in card.cell.title
    )
    assert [bar.category for bar in card.bars if bar.is_bug] == ["PROCESSING_ERROR"]
    assert '<rect class="bar-bug"' in answer.content.decode()
    (checked,) = (c for c in validate(day, day, 4) if c.name == code)
    assert "bug" in checked.verdict
    assert str(card.bugs) in checked.verdict


def test_who_is_unaccounted_for_stands_out(demo: Demo, viewer: Client) -> None:
    Run.objects.filter(processor="PCF", date=DAY).update(population=F("population") + 30)
    AuditResult.objects.filter(processor="PCF", date=DAY).update(population=F("population") + 30)
    text = page(viewer, url("date", DAY))
    assert re.search(r"▲ <a [^>]*>30</a> unaccounted<", text)
    assert "▲ 86." in text


def test_the_findings_of_a_date_are_those_that_name_it_worst_first(
    demo: Demo, viewer: Client
) -> None:
    found = viewer.get(url("date", FAULTY)).context["findings"]
    assert found == [f for f in Finding.objects.listed() if str(FAULTY) in f.dates]
    assert found
    assert [f.severity for f in found] == sorted((f.severity for f in found), reverse=True)


def test_phase_3_is_shown_as_rows_of_those_expected(demo: Demo, viewer: Client) -> None:
    low = {c.name: c for c in viewer.get(url("date", FAULTY)).context["inputs"]}[
        "nba_analytics.player_game_summary"
    ]
    sql = "SELECT COUNT(DISTINCT player_lookup) AS n FROM nba_analytics.player_game_summary WHERE game_date = @day"
    assert low.rows == warehouse().query(sql, {"day": FAULTY})[0]["n"]
    assert low.state == "partial"
    assert f"{low.rows} of {low.expected}" in page(viewer, url("date", FAULTY))


def test_the_validation_is_that_of_the_command(demo: Demo, viewer: Client) -> None:
    answer = viewer.get(url("date_validation", DAY), headers=HTMX)
    assert answer.context["validations"] == [*validate(DAY, DAY, 3), *validate(DAY, DAY, 4)]
    assert answer.content.decode().lstrip().startswith('<div id="validation"')
    assert "<html" in page(viewer, url("date_validation", DAY))


def test_the_number_of_queries_is_the_same_on_every_date(
    demo: Demo, viewer: Client, django_assert_max_num_queries: Any
) -> None:
    for day in (DAY, FAULTY, END):
        with django_assert_max_num_queries(18):
            viewer.get(url("date", day))


# Odd dates

ODD = {
    "summer": (date(2022, 8, 1), "off-season"),
    "not loaded": (date(2019, 1, 1), "season 2018-19 is not loaded"),
    "early": (date(2021, 10, 5), "before opening night"),
    "over": (date(2022, 6, 29), "after the last game"),
    "ahead": (date(2999, 1, 1), "future"),
    "no games": (QUIET, "No games"),
    "bootstrap": (BOOTSTRAP, "bootstrap: day 6"),
    "never run": (LATER, "No runs"),
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_date_says_what_it_is_and_what_would_be_right(
    name: str, demo: Demo, viewer: Client
) -> None:
    day, said = ODD[name]
    text = page(viewer, url("date", day))
    found = viewer.get(url("date", day)).context["empty"]
    assert said in found.title
    assert found.detail.endswith(".")
    assert found.title in text


def test_a_date_that_was_never_run_leads_to_a_backfill_of_it(demo: Demo, viewer: Client) -> None:
    assert f"{reverse('backfill_new')}?start={LATER}&amp;end={LATER}" in page(
        viewer, url("date", LATER)
    )


def test_without_a_season_a_date_still_has_a_page_and_none_is_the_newest(
    viewer: Client, own_warehouse: Any
) -> None:
    Run.objects.all().delete()
    assert "is not loaded" in page(viewer, url("date", DAY))
    assert "season is loaded; load one with" in page(viewer, url("dates"), 422)


def test_what_is_no_date_or_no_processor_is_a_page_with_a_sentence(
    demo: Demo, viewer: Client
) -> None:
    assert "enter a date as YYYY-MM-DD" in page(viewer, "/dates/2021-13-99/", 404)
    for path in (
        f"/dates/{DAY}/XX/",
        f"/dates/{DAY}/XX/lebron/",
        f"/dates/{DAY}/?processor=XX",
        f"/dates/{DAY}/XX.csv",
    ):
        assert "choose from TDZA" in page(viewer, path, 404)
    assert "has no entities: " in page(viewer, url("entities", QUIET, "PSZA"), 404)


def test_the_form_leads_to_the_date_that_it_names_and_without_one_to_the_newest_that_was_run(
    demo: Demo, viewer: Client
) -> None:
    assert viewer.get(url("dates", date=DAY))["Location"] == url("date", DAY)
    assert (
        viewer.get(url("dates"))["Location"] == url("date", empty_date.newest()) == url("date", END)
    )
    assert "takes a date such as 2021-11-22" in page(viewer, url("dates", date="tomorrow"), 422)


# Entities


def names(client: Client, code: str = "PSZA", **query: object) -> list[str]:
    """Return the listed entities, in order."""
    return [
        line.entity.name
        for line in client.get(url("entities", DAY, code, **query)).context["lines"]
    ]


def test_every_entity_is_listed_once_over_the_pages(demo: Demo, viewer: Client) -> None:
    rows, failures = in_warehouse(DAY, "PSZA")
    pages = viewer.get(url("entities", DAY, "PSZA")).context["page"].pages
    found = [name for number in range(1, pages + 1) for name in names(viewer, page=number)]
    assert len(found) == len(set(found)) == rows + failures.total()


def test_the_tabs_count_what_they_show(demo: Demo, viewer: Client) -> None:
    answer = viewer.get(url("entities", DAY, "PSZA"))
    failures = in_warehouse(DAY, "PSZA")[1]
    counts = {tab.words: tab.count for tab in answer.context["tabs"]}
    assert {name: counts[name] for name in failures} == failures
    for tab in answer.context["tabs"]:
        assert viewer.get(tab.url).context["page"].total == tab.count


def test_the_search_and_the_order_narrow_and_sort(demo: Demo, viewer: Client) -> None:
    games = [
        line.entity.games
        for line in viewer.get(url("entities", DAY, "PSZA", sort="-games")).context["lines"]
    ]
    assert games == sorted(games, reverse=True)
    one = names(viewer)[0]
    assert names(viewer, q=one[:-1].upper()) == [one]
    shown = viewer.get(url("entities", DAY, "PSZA")).context["lines"][0]
    assert " " in shown.name
    assert shown.entity.name in names(viewer, q=shown.name.replace(" ", "+"))
    assert names(viewer, q="nobody+at+all") == []
    assert "No matching entities" in page(viewer, url("entities", DAY, "PSZA", q="nobody+at+all"))


def test_a_missing_dependency_tells_its_root(demo: Demo, viewer: Client) -> None:
    lines = viewer.get(url("entities", DAY, "ML", category=MISSING)).context["lines"]
    assert {line.entity.root for line in lines} <= {
        f"{code}: {name}" for code in CHAIN for name in BY_NAME
    }
    assert lines


def test_a_fragment_is_the_table_alone_and_its_page_holds_the_same(
    demo: Demo, viewer: Client
) -> None:
    fragment = page(viewer, url("entities", DAY, "PSZA"), headers=HTMX).strip()
    assert fragment.startswith('<div id="entities"')
    assert "<html" not in fragment


@pytest.mark.parametrize("query", [{"category": "ODD"}, {"sort": "luck"}, {"page": "x"}])
def test_what_cannot_be_meant_is_one_sentence(
    query: dict[str, str], demo: Demo, viewer: Client
) -> None:
    assert next(iter(query.values())) in page(viewer, url("entities", DAY, "PSZA", **query), 422)


def test_the_download_holds_everybody_that_is_asked_for(demo: Demo, viewer: Client) -> None:
    answer = viewer.get(url("entities_csv", DAY, "PSZA", category=FEW))
    rows = list(csv.DictReader(io.StringIO(b"".join(answer).decode())))
    assert len(rows) == in_warehouse(DAY, "PSZA")[1][FEW]
    assert {row["state"] for row in rows} == {FEW}


def test_the_entities_take_the_same_number_of_queries_however_many_they_are(
    demo: Demo, viewer: Client, django_assert_max_num_queries: Any
) -> None:
    for code in ("TDZA", "PSZA"):
        with django_assert_max_num_queries(13):
            viewer.get(url("entities", DAY, code))


# Entity page


def failing(code: str = "ML", category: str = MISSING) -> str:
    return chosen(DAY, code, category=category)[0].name


def test_a_story_says_who_what_and_why_and_counts_the_games(demo: Demo, viewer: Client) -> None:
    name = failing("PSZA", FEW)
    answer = viewer.get(url("entity", DAY, "PSZA", name))
    story, text = answer.context["report"], answer.content.decode()
    played = {row["game_id"] for row in warehouse().query(PLAYED, {"name": name, "day": DAY})}
    assert answer.context["sentence"].startswith(
        f"{story.name} failed in PSZA on 2021-11-22, {FEW}: "
    )
    assert (story.played, story.minimum) == (len(played), 10)
    assert f"<dd>{story.played}</dd>" in "".join(text.split())
    assert len(story.missed) == story.scheduled - story.played
    assert "more game" in text
    assert answer.context["ahead"][0].isoformat() in text


def test_a_cascade_is_drawn_to_its_root(demo: Demo, viewer: Client) -> None:
    name = failing()
    answer = viewer.get(url("entity", DAY, "ML", name))
    links = answer.context["chain"]
    assert [link.code for link in links] == ["PSZA", "PCF", "PDC", "ML"]
    assert [f"{link.code}: {link.state}" for link in links if link.is_root] == [
        answer.context["report"].root
    ]
    assert url("entity", DAY, "PSZA", name) in answer.content.decode()


def test_a_story_is_a_dialog_where_it_is_asked_for_as_one(demo: Demo, viewer: Client) -> None:
    text = page(viewer, url("entity", DAY, "ML", failing()), headers=DIALOG).strip()
    assert text.startswith('<div class="dialog-head">')
    assert "<html" not in text


def test_the_neighbors_are_those_of_the_list_that_it_was_opened_from(
    demo: Demo, viewer: Client
) -> None:
    listed = [e.name for e in chosen(DAY, "ML", category=MISSING)]
    answer = viewer.get(url("entity_neighbors", DAY, "ML", listed[1], category=MISSING))
    assert [answer.context[side][1].split("?")[0] for side in ("before", "after")] == [
        url("entity", DAY, "ML", name) for name in (listed[0], listed[2])
    ]
    assert f"2 of {len(listed)}<" in answer.content.decode()
    assert viewer.get(url("entity_neighbors", DAY, "ML", "nobody")).context["position"] == ""


def test_a_team_is_an_entity_and_who_is_not_of_the_date_is_told_so(
    demo: Demo, viewer: Client
) -> None:
    team = chosen(DAY, "TDZA")[0].name
    assert "no upstream processor" in page(viewer, url("entity", DAY, "TDZA", team))
    absent = next(
        e.name
        for e in chosen(DAY, "PSZA")
        if e.name not in {other.name for other in chosen(DAY, "PCF")}
    )
    assert "none is expected" in page(viewer, url("entity", DAY, "PCF", absent))


def test_nobody_has_no_story(demo: Demo, viewer: Client) -> None:
    assert "search for a part of the name" in page(
        viewer, url("entity", DAY, "PSZA", "nobody"), 404
    )
    assert "no games" in page(viewer, url("entity", QUIET, "PSZA", "nobody"), 404)


def test_hostile_text_is_shown_as_text(demo: Demo, viewer: Client) -> None:
    hostile = "<script>alert(1)</script>"
    Run.objects.filter(processor="PSZA", date=DAY).update(
        status=Run.Status.FAILED, reason=hostile, population=None, rows=None
    )
    Finding.objects.update(sentence=hostile)
    for text in (page(viewer, url("date", DAY)), page(viewer, url("entities", DAY, "PSZA", q=hostile)),
                 page(viewer, url("entity", DAY, "PSZA", hostile), 404)):  # fmt: skip
        assert hostile not in text
        assert "&lt;script&gt;" in text


# Rerun


def ask(client: Client, **query: str) -> Any:
    return client.get(url("date_run", DAY, "PSZA", **query))


def test_before_a_run_the_page_says_what_is_replaced_and_what_comes_after(
    demo: Demo, operator: Client
) -> None:
    (rows, failures), before = in_warehouse(DAY, "PSZA"), Job.objects.count()
    text = ask(operator).content.decode()
    assert f"replaces {rows} rows and {failures.total()} failures of run" in text
    assert "PCF, PDC, ML become stale" in text
    together = ask(operator, **{"with": "after"})
    assert [effect.code for effect in together.context["effects"]] == ["PSZA", "PCF", "PDC", "ML"]
    assert (
        page(operator, url("date_run", DAY, "PSZA"), headers=DIALOG)
        .strip()
        .startswith('<div class="dialog-head">')
    )
    assert Job.objects.count() == before


def test_a_run_is_started_as_a_job_of_its_own_with_who_and_why(
    demo: Demo, operator: Client
) -> None:
    seal, path = ask(operator).context["seal"], url("date_run", DAY, "PSZA")
    confirmed = {"seal": seal, "overwrites": "1"}
    answer = operator.post(path, {"reason": "the row was corrected", **confirmed})
    job = Job.objects.latest("pk")
    assert answer["Location"] == reverse("job", args=[job.pk])
    assert list(job.runs.values_list("processor", "date", "status")) == [("PSZA", DAY, "pending")]
    assert Event.objects.filter(job=job, actor="otto", reason="the row was corrected").exists()
    again = operator.post(path, {"reason": "and again", **confirmed})
    assert (again.status_code, Job.objects.latest("pk")) == (409, job)
    assert f"job {job.pk}" in again.content.decode()


def test_without_a_reason_nothing_is_started_and_nothing_that_was_typed_is_lost(
    demo: Demo, operator: Client
) -> None:
    before = Job.objects.count()
    answer = operator.post(
        url("date_run", DAY, "PSZA", **{"with": "after"}), {"reason": " ", "seal": "x"}
    )
    assert (answer.status_code, Job.objects.count()) == (422, before)
    assert "enter a reason" in answer.content.decode()
    broken = operator.post(url("date_run", DAY, "PSZA"), {"reason": "mine", "seal": "not a seal"})
    assert (broken.status_code, Job.objects.count()) == (422, before)
    assert 'value="mine"' in broken.content.decode()


def test_what_has_changed_since_it_was_looked_at_is_not_started(
    demo: Demo, operator: Client
) -> None:
    seal = ask(operator).context["seal"]
    Run.objects.filter(processor="PSZA", date=DAY).update(status=Run.Status.FAILED)
    answer = operator.post(url("date_run", DAY, "PSZA"), {"reason": "mine", "seal": seal})
    assert answer.status_code == 409
    assert "the plan changed" in answer.content.decode()


def test_a_viewer_sees_the_button_and_whose_it_is_and_cannot_press_it(
    demo: Demo, viewer: Client
) -> None:
    assert "operators only" in page(viewer, url("date", DAY))
    before = Job.objects.count()
    for answer in (
        viewer.get(url("date_run", DAY, "PSZA")),
        viewer.post(url("date_run", DAY, "PSZA"), {"reason": "x"}),
    ):
        assert answer.status_code == 403
    assert Job.objects.count() == before


def test_the_retry_of_a_card_is_of_its_processor_and_date(demo: Demo, operator: Client) -> None:
    run = Run.objects.get(processor="PSZA", date=DAY)
    cards = {card.code: card for card in chain.chain(load_calendar().day(DAY))}
    assert cards["PSZA"].retry.startswith(reverse("retry", args=[run.job_id]))
    assert f"processor=PSZA&start={DAY}&end={DAY}" in cards["PSZA"].retry
    assert cards["TDZA"].retry == ""
