"""Every link of the panel, followed as viewer and as operator, and the language of every page and
fragment: no phrase of the ban list, and headings, buttons and states made of glossary words or of a
few plain words. One walk per role serves all tests.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse

from tests.language import find_old_labels, find_old_phrases
from tests.webapp import walks
from tests.webapp.demo import Demo
from tests.webapp.label_words import unknown_words
from tests.webapp.link_checks import NEVER_RUN, count_of, wrong_with
from tests.webapp.page_links import Link, follow, walk
from tests.webapp.page_text import LABELS, Page
from tests.webapp.test_every_url import TABLE
from webapp.models import Token, User

pytestmark = [pytest.mark.database, pytest.mark.django_db]
two_seasons, seasons, values = walks.two_seasons, walks.seasons, walks.values

# Programs call these; a browser reaches them by its address bar, or only when logged out.
NO_LINK = {"api", "healthz", "readyz", "metrics", "login", "tokens_moved", "job_run"}
OWN = {"logout", "login", "password", "tokens", "token_revoke"}
NOT_HTML = {
    "runs_csv", "entities_csv", "query_csv", "job_report", "job_diff_file", "openapi", "metrics", "healthz", "finding_rows", "run_log_text",
}  # fmt: skip
# Headings with the name of a player, a team, a query or a user.
NAMED_BY_DATA = frozenset(("player", "entity", "query", "backfill_decide"))
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, kw_only=True)
class Walk:
    """The pages that a role can open by links, with error pages, and what is wrong with links."""

    unreached: set[str]
    counted: set[str]
    wrong_links: dict[tuple[str, str, str], str]
    unusable_forms: dict[tuple[str, str], str]
    pages: list[Page]


@pytest.fixture(scope="module")
def walks_of_roles() -> dict[str, Walk]:
    """Walks by role. A walk holds no database objects, which end with the test that walked."""
    return {}


@pytest.fixture(params=["viewer", "operator"])
def walked(
    demo_rows: Demo, request: pytest.FixtureRequest, walks_of_roles: dict[str, Walk]
) -> Walk:
    """Walk the panel as a role, once for all tests."""
    role = request.param
    if role not in walks_of_roles:
        numbers, browser = request.getfixturevalue("values"), request.getfixturevalue(role)
        Token.issue(User.objects.get(pk=browser.session["_auth_user_id"]), "mine")
        walks_of_roles[role] = _walk(browser, role, walks.start_urls(numbers))
    return walks_of_roles[role]


def _walk(browser: Client, role: str, starts: list[str]) -> Walk:
    refused = {name for name, answers in TABLE.items() if getattr(answers, role) in (403, 405)}
    starts_of = {url: Link(page=url, url=url) for url in starts}
    allowed = [url for url, link in starts_of.items() if link.name not in refused]
    visits, posts = walk(browser, allowed)
    reached = {visit.link.name for visit in visits} | {form.name for form in posts}
    errors = [
        *(starts_of.keys() - set(allowed)),
        "/no-such-page/",
        reverse("job", args=[99999]),
        *(f"{reverse(name)}?season=1999" for name in ("home", "triage", "rates", "coverage")),
        f"{reverse('runs')}?state=lost",
        f"{reverse('jobs')}?state=lost",
        f"{reverse('query', args=['failure-counts'])}?start=2021-11-30&end=2021-11-01",
        f"{reverse('home')}?season={NEVER_RUN}&sort=no",
    ]
    return Walk(
        unreached=TABLE.keys() - reached - refused - NO_LINK,
        counted={visit.link.name for visit in visits if count_of(visit)},
        wrong_links={
            (visit.link.page, visit.link.url, visit.link.text): error
            for visit in visits
            if (error := wrong_with(visit))
        },
        unusable_forms={
            (form.page, form.url): error
            for form in posts
            if (error := _refusal(browser, form, role))
        },
        pages=[
            Page.parse(visit.link.name, visit.answer.content.decode())
            for visit in (
                *visits, *(follow(browser, Link(page=url, url=url)) for url in errors)
            )
            if "text/html" in visit.answer.headers.get("Content-Type", "")
        ],
    )  # fmt: skip


def _refusal(browser: Client, form: Link, role: str) -> str:
    """Return the reason why a form cannot be sent: its view takes no POST, or not by this role."""
    if role == "operator" or form.name in OWN:
        allowed = browser.put(form.url).headers.get("Allow", "")
        return "" if "POST" in allowed else f"takes {allowed}"
    if not form.can_submit:
        return ""
    with transaction.atomic():
        status = browser.post(form.url, dict(form.fields)).status_code
        transaction.set_rollback(True)
    return f"{status}" if status in (403, 404, 405, 500) else ""


def test_every_link_opens_what_it_names(walked: Walk) -> None:
    assert walked.unreached == set()
    assert "triage" in walked.counted  # the dates' categories have a test of their own
    assert walked.wrong_links == {}
    assert walked.unusable_forms == {}


def by_place(findings: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return each wrong text with the URL names of its pages."""
    found: dict[str, set[str]] = defaultdict(set)
    for text, name in findings:
        found[text].add(name)
    return {text: sorted(names) for text, names in sorted(found.items())}


def test_the_walk_reads_every_page_of_the_panel(walked: Walk) -> None:
    html = {name for name, answers in TABLE.items() if answers.operator == 200}
    unread = html - {page.name for page in walked.pages}
    assert unread == NOT_HTML


def test_no_page_has_a_phrase_of_the_ban_list(walked: Walk) -> None:
    # Pages share most blocks, grids differ only in the date, and the ban list is long.
    blocks: dict[str, str] = {}
    names: dict[str, set[str]] = defaultdict(set)
    for page in walked.pages:
        for block in page.blocks:
            key = DATE.sub("date", block)
            blocks[key] = block
            names[key].add(page.name)
    found = (
        (f"{old.phrase.lower()}, use: {old.replacement}", name)
        for key, block in blocks.items()
        for old in find_old_phrases(block)
        for name in names[key]
    )
    assert by_place(found) == {}


def test_no_heading_button_or_link_has_an_old_label(walked: Walk) -> None:
    found = (
        (old, page.name)
        for page in walked.pages
        for tag in LABELS
        for old in find_old_labels(page.labels[tag])
    )
    assert by_place(found) == {}


def test_headings_buttons_and_states_use_glossary_words_or_plain_words(walked: Walk) -> None:
    found = (
        (unknown, page.name)
        for page in walked.pages
        for tag in ("h1", "h2", "h3", "button", "state")
        if not (tag in ("h1", "h2") and page.name in NAMED_BY_DATA)
        for unknown in unknown_words(page.labels[tag])
    )
    assert by_place(found) == {}
