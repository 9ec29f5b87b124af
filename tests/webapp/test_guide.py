"""The guide: every topic can be read and linked to, and every table made from the code has all that
the code has.
"""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.core.management import get_commands
from django.template import Context, Template
from django.test import Client
from django.urls import reverse
from django.utils.text import slugify

from backfill import queries
from backfill.execution import live_checks
from backfill.processors.registry import CHAIN
from validation import bands, categories, preflight_report, retry
from validation.findings import kinds
from webapp.models import Role
from webapp.pages.guide import topics
from webapp.pages.guide.tables import CASES, VERBS
from webapp.ui import states

pytestmark = [pytest.mark.database, pytest.mark.django_db]
SLUGS = (
    "processors",
    "calendar",
    "early-season",
    "expectation",
    "categories",
    "cascades",
    "retry",
    "findings",
    "modes",
    "preflight",
    "states",
    "brake",
    "queries",
    "runbook",
    "roles",
    "keys",
    "glossary",
)


def read(client: Client, slug: str) -> str:
    answer = client.get(reverse("topic", args=[slug]))
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def test_the_topics_are_those_that_other_pages_link_to() -> None:
    assert sorted(topics.BY_SLUG) == sorted(SLUGS)


@pytest.mark.parametrize("slug", SLUGS)
def test_a_topic_renders_and_its_links_lead_to_headings_that_are_there(
    viewer: Client, slug: str
) -> None:
    text = read(viewer, slug)
    assert topics.BY_SLUG[slug].title in text
    assert re.search(r'<h2 id="[\w-]+"><a class="anchor"', text)
    for other, anchor in set(re.findall(r'href="/guide/([\w-]+)/#([\w-]+)"', text)):
        assert f'id="{anchor}"' in read(viewer, other), (other, anchor)


def test_a_topic_that_there_is_not_is_404(viewer: Client) -> None:
    assert viewer.get("/guide/divination/").status_code == 404


def test_a_search_leaves_the_topics_with_all_its_words(viewer: Client) -> None:
    text = viewer.get(reverse("guide"), {"q": "failure BANDS"}).content.decode()
    assert re.findall(r'class="card topic" href="/guide/([\w-]+)/"', text) == ["early-season"]
    nothing = viewer.get(reverse("guide"), {"q": "<script>"}).content.decode()
    assert "No topic has “&lt;script&gt;”" in nothing


def test_the_bands_are_those_that_judge(viewer: Client) -> None:
    text = read(viewer, "early-season")
    for code, found in bands.RUNBOOK.items():
        for band in found:
            assert [words for words in (band.because, str(band), code) if words not in text] == []


def test_every_category_is_there_with_what_to_do(viewer: Client) -> None:
    text = read(viewer, "categories")
    for category in categories.CATEGORIES:
        assert all(
            words in text for words in (f'id="{category.name}"', category.meaning, category.advice)
        )


def test_every_kind_of_finding_is_there_with_its_cause_and_what_to_do(viewer: Client) -> None:
    text = read(viewer, "findings")
    for kind in kinds.KINDS:
        assert all(
            words in text
            for words in (f'id="{slugify(kind.name)}"', kind.title, kind.cause, kind.advice)
        )


def test_every_way_to_decide_a_retry_has_a_case_judged_by_the_rules(viewer: Client) -> None:
    text = read(viewer, "retry")
    assert {facts.failure for _, facts in CASES} >= retry.RULES.keys() - {categories.DATE_LEVEL}
    for when, facts in CASES:
        assert [words for words in (when, retry.verdict(facts).reason) if words not in text] == []
    assert {retry.verdict(facts).retry for _, facts in CASES} == set(retry.RetryClass)


def test_every_state_has_its_shape_and_word_in_the_legend(viewer: Client) -> None:
    text = read(viewer, "states")
    for name, found in states.STATES.items():
        assert f'<th scope="row">{name}</th><td aria-hidden="true">{found.shape}</td>' in text
        assert found.word in text


@pytest.mark.parametrize(
    ("slug", "entries"),
    [
        ("modes", [kind.backfill_skips_it_because for kind in live_checks.KINDS]), ("preflight", list(map(str, preflight_report.PreflightKind))),
        ("queries", queries.names()), ("processors", CHAIN), ("roles", Role.values), ("runbook", [verb.shell for verb in VERBS]),
    ],
)  # fmt: skip
def test_a_table_has_every_entry_of_what_it_is_made_from(
    viewer: Client, slug: str, entries: list[str]
) -> None:
    text = read(viewer, slug)
    assert [entry for entry in entries if entry not in text] == []


def test_every_verb_of_the_runbook_is_a_page_and_a_command_that_exist() -> None:
    for verb in VERBS:
        assert reverse(verb.page)
        assert verb.shell.split()[0] in get_commands()
        if verb.shell.startswith("query"):
            assert verb.shell.split()[1] in queries.names()


def test_the_small_link_leads_to_a_topic_and_its_words_are_text() -> None:
    made = Template('{% guide "categories" words "list" %}').render(
        Context({"words": "<b>why</b>"})
    )
    assert made == '<a class="guide-link" href="/guide/categories/#list">&lt;b&gt;why&lt;/b&gt;</a>'
