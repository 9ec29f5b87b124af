"""Guide: topics, generated tables, glossary, runbook map, search and redirects."""

from __future__ import annotations

import re
import shlex
from html import unescape
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class
from django.template import Context, Template
from django.test import Client
from django.urls import reverse
from django.utils.html import escape
from django.utils.text import slugify

from backfill import queries
from backfill.errors import Refused
from backfill.execution import live_checks
from backfill.models import Job, Run
from backfill.processors.registry import CHAIN
from tests.webapp.demo import Demo
from validation import bands, categories, preflight_report, retry
from validation.findings import kinds
from webapp.models import Role
from webapp.pages.guide import commands, glossary, legend, runbook, search, topics
from webapp.pages.guide.tables import CASES, CLASSES, JOB_STATES, NORMAL_MODE, RESULTS, RUN_STATES
from webapp.ui import states

pytestmark = [pytest.mark.database, pytest.mark.django_db]
ROOT = Path(__file__).parents[2]
SLUGS = (
    "runbook",
    "processors",
    "season",
    "failures",
    "retry",
    "versions",
    "findings",
    "load",
    "preflight",
    "jobs",
    "queries",
    "commands",
    "roles",
    "keys",
    "glossary",
)
# Topics of earlier releases and their current ones.
EARLIER = {
    "brake": "jobs",
    "calendar": "season",
    "cascades": "failures",
    "categories": "failures",
    "early-season": "season",
    "expectation": "failures",
    "modes": "preflight",
    "states": "jobs",
}
# Headings of the runbook of 2025-12-07, in its order.
RUNBOOK = (
    "Quick Reference",
    "Phase 4 Processor Chain",
    "Output Tables",
    "Expected Failure Rates by Season Week",
    "PSZA (Player Shot Zone Analysis)",
    "PDC (Player Daily Cache)",
    "Backfill Mode Optimizations",
    "What's Skipped in Backfill Mode",
    "How to Enable Backfill Mode",
    "Step-by-Step Backfill Process",
    "1. Pre-Flight Check",
    "2. Run Phase 4 Backfill",
    "3. Monitor Progress",
    "4. Validate Completion",
    "5. Analyze Failures",
    "Failure Triage",
    "When to Investigate vs Ignore",
    "Failure Rate Validation",
    "Common Issues & Solutions",
    'Issue: "Bootstrap period - skipping"',
    "Issue: High failure rate on specific date",
    'Issue: "MISSING_DEPENDENCY" cascade',
    "Issue: Backfill running slowly",
    "Validation Queries",
    "Quick Status Check",
    "Retryable Failures",
    "Useful Commands Reference",
    "Related Documentation",
)
TASKS = [task for section in runbook.SECTIONS for task in section.tasks]


def read(client: Client, slug: str) -> str:
    answer = client.get(reverse("topic", args=[slug]))
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def results(client: Client, words: str) -> list[tuple[str, str]]:
    """Return address and excerpt of each result of a search."""
    text = client.get(reverse("guide"), {"q": words}).content.decode()
    return re.findall(
        r'<li>\s*<a href="(/guide/[^"]+)">.*?line-text">(.*?)</span>', text, re.DOTALL
    )


def parse(command: str) -> None:
    """Parse a command line with the parser of its command. Raises Refused."""
    name, *arguments = shlex.split(command)
    assert name in get_commands()
    load_command_class(get_commands()[name], name).create_parser("manage.py", name).parse_args(
        arguments
    )


def test_topics_are_complete_and_in_order() -> None:
    assert tuple(topics.BY_SLUG) == SLUGS


@pytest.mark.parametrize("slug", SLUGS)
def test_topic_renders_and_its_links_reach_headings(viewer: Client, slug: str) -> None:
    text = read(viewer, slug)
    assert topics.BY_SLUG[slug].title in text
    assert re.search(r'<h2 id="[\w-]+"><a class="anchor"', text)
    for other, anchor in set(re.findall(r'href="/guide/([\w-]+)/#([\w-]+)"', text)):
        assert f'id="{anchor}"' in read(viewer, other), (other, anchor)


@pytest.mark.parametrize("slug", SLUGS)
def test_ids_of_a_topic_are_unique(viewer: Client, slug: str) -> None:
    ids = re.findall(r'\bid="([^"]+)"', read(viewer, slug))
    assert sorted(ids) == sorted(set(ids))


def test_unknown_topic_is_404(viewer: Client) -> None:
    assert viewer.get("/guide/divination/").status_code == 404


@pytest.mark.parametrize(("earlier", "present"), EARLIER.items())
def test_earlier_topic_redirects(viewer: Client, earlier: str, present: str) -> None:
    answer = viewer.get(f"/guide/{earlier}/")
    assert answer.status_code == 301
    assert answer["Location"] == f"/guide/{present}/"


@pytest.mark.parametrize("earlier", topics.MOVED)
def test_moved_heading_exists(viewer: Client, earlier: str) -> None:
    slug, anchor = topics.place(*earlier.split("#"))
    assert slug in SLUGS
    assert not anchor or f'id="{anchor}"' in read(viewer, slug)


@pytest.mark.parametrize("template", sorted((ROOT / "templates").rglob("*.html")), ids=str)
def test_guide_links_and_terms_of_templates_exist(viewer: Client, template: Path) -> None:
    text = template.read_text(encoding="utf-8")
    for slug, anchor in re.findall(r'{% guide "([\w-]+)" "[^"]*"(?: "([\w-]+)")?', text):
        new_slug, new_anchor = topics.place(slug, anchor)
        assert not new_anchor or f'id="{new_anchor}"' in read(viewer, new_slug), (slug, anchor)
    assert [
        name for name in re.findall(r'{% term "([^"]+)"', text) if not glossary.find(name)
    ] == []


# Tables


def test_bands_are_those_of_the_code(viewer: Client) -> None:
    text = read(viewer, "season")
    for code, found in bands.RUNBOOK.items():
        for band in found:
            assert [words for words in (band.because, str(band), code) if words not in text] == []


def test_every_category_has_meaning_and_action(viewer: Client) -> None:
    text = read(viewer, "failures")
    for category in categories.CATEGORIES:
        assert all(
            words in text for words in (f'id="{category.name}"', category.meaning, category.advice)
        )


def test_every_kind_of_finding_has_cause_and_action(viewer: Client) -> None:
    text = read(viewer, "findings")
    for kind in kinds.KINDS:
        assert all(
            words in text
            for words in (f'id="{slugify(kind.name)}"', kind.title, kind.cause, kind.advice)
        )


def test_every_retry_rule_has_a_case(viewer: Client) -> None:
    text = read(viewer, "retry")
    assert {facts.failure for _, facts in CASES} >= retry.RULES.keys() - {categories.DATE_LEVEL}
    for when, facts in CASES:
        assert [words for words in (when, retry.verdict(facts).reason) if words not in text] == []
    assert {retry.verdict(facts).retry for _, facts in CASES} == set(retry.RetryClass)
    assert set(CLASSES) == set(retry.RetryClass)


def test_legend_has_every_state(viewer: Client) -> None:
    text = read(viewer, "jobs")
    for found in states.STATES.values():
        assert f'<th scope="row"><span class="state s-{found.slug}"' in text
        assert found.word in text


def test_legend_has_each_badge_once_with_a_meaning() -> None:
    found = [(states.of(name), meaning) for name, meaning in legend.rows()]
    assert len({state for state, _ in found}) == len(found) == len(set(states.STATES.values()))
    assert [state.label for state, meaning in found if not meaning] == []
    assert set(legend.MEANINGS) <= set(states.STATES)


def test_every_stored_state_has_a_meaning_and_a_term() -> None:
    # Pausing and cancelling are text next to the state.
    assert {name for name, _ in JOB_STATES} == set(Job.Status.values) - {"pausing", "cancelling"}
    assert {name for name, _ in RUN_STATES} == set(Run.Status.values)
    assert [name for name, _ in (*JOB_STATES, *RUN_STATES) if glossary.find(name) is None] == []


def test_every_check_of_normal_mode_has_a_condition() -> None:
    assert tuple(NORMAL_MODE) == live_checks.KINDS


@pytest.mark.parametrize(
    ("slug", "entries"),
    [
        ("preflight", [kind.backfill_skips_it_because for kind in live_checks.KINDS]),
        ("preflight", [RESULTS[kind] for kind in preflight_report.PreflightKind]),
        ("queries", queries.names()),
        ("processors", CHAIN),
        ("roles", Role.values),
        ("runbook", [f"manage.py {task.command}" for task in TASKS]),
        ("commands", [command.name for command in commands.all_commands()]),
    ],
)
def test_table_has_every_entry_of_its_source(viewer: Client, slug: str, entries: list[str]) -> None:
    text = read(viewer, slug)
    assert [entry for entry in entries if entry not in text] == []


def test_command_table_has_the_flags_of_each_command(viewer: Client) -> None:
    listed = {command.name: command for command in commands.all_commands()}
    assert "limit_batches" in listed
    assert "cap" not in listed  # deprecated
    syntax = [option.syntax for option in listed["retry"].options]
    assert {"JOB", "--dry-run", "--processors A,B"} <= set(syntax)
    assert not {"--settings", "--json"} & {word for s in syntax for word in s.split()}


# Runbook map


def test_runbook_map_has_every_section_in_order() -> None:
    assert tuple(section.title for section in runbook.SECTIONS) == RUNBOOK
    assert [section.title for section in runbook.SECTIONS if not section.tasks] == []


def test_runbook_sections_have_an_id_each(viewer: Client) -> None:
    text = read(viewer, "runbook")
    assert [title for title in RUNBOOK if f'id="{slugify(title)}"' not in text] == []


@pytest.mark.parametrize("url", sorted({task.page.url for task in TASKS}))
def test_runbook_link_answers(demo: Demo, viewer: Client, url: str) -> None:
    path, _, anchor = url.partition("#")
    answer = viewer.get(path, follow=True)
    assert answer.status_code == 200
    assert not anchor or f'id="{anchor}"' in answer.content.decode()


@pytest.mark.parametrize("command", sorted({task.command for task in TASKS} - {"backfill --help"}))
def test_runbook_command_exists_with_its_flags(command: str) -> None:
    parse(command)
    name, *arguments = shlex.split(command)
    if name == "query" and arguments[0] != "--list":
        assert arguments[0] in queries.names()


def test_command_with_an_unknown_flag_is_noticed() -> None:
    with pytest.raises(Refused, match="unrecognized arguments: --sort-by-magic"):
        parse("triage --sort-by-magic")


# Glossary


def test_glossary_page_has_every_term_with_its_links(viewer: Client) -> None:
    text = read(viewer, "glossary")
    for term in glossary.TERMS:
        assert f'<dt id="{term.anchor}">{term.name}</dt>' in text
        assert term.meaning in text
    urls = {url for term in glossary.TERMS for _, url in term.links}
    assert {url: viewer.get(url).status_code for url in urls} == dict.fromkeys(urls, 200)


def test_terms_are_unique_and_one_sentence_style() -> None:
    assert len(glossary.BY_NAME) == len({term.anchor for term in glossary.TERMS})
    assert len(glossary.TERMS) == len(glossary.BY_NAME)
    assert [t.name for t in glossary.TERMS if not t.meaning.endswith(".")] == []


def test_topic_of_every_term_exists(viewer: Client) -> None:
    pages = {slug: read(viewer, slug) for slug in SLUGS}
    for term in glossary.TERMS:
        slug, _, anchor = term.topic.partition("#")
        assert not slug or slug in pages, term
        assert not anchor or f'id="{anchor}"' in pages[slug], term


def test_document_is_the_glossary() -> None:
    document = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    assert document.strip() == glossary.as_markdown().strip()


def test_term_tag_links_to_the_entry_with_its_meaning() -> None:
    canary = glossary.BY_NAME["canary"]
    link = '<a class="term" href="/guide/glossary/#canary" title="{}">{}</a>'
    made = Template('{% term "canary" %} {% term "canary" words %}').render(
        Context({"words": "<b>Canary</b>"})
    )
    meaning = escape(canary.meaning)
    assert made == " ".join(link.format(meaning, w) for w in ("canary", escape("<b>Canary</b>")))


def test_term_filter_links_known_words_only() -> None:
    made = Template("{{ known|term }} {{ unknown|term }}").render(
        Context({"known": "blocked", "unknown": "<b>blue</b>"})
    )
    assert made.startswith('<a class="term" href="/guide/glossary/#blocked" title="')
    assert made.endswith("> &lt;b&gt;blue&lt;/b&gt;")


def test_unknown_term_is_an_error() -> None:
    with pytest.raises(KeyError):
        Template('{% term "divination" %}').render(Context())


@pytest.mark.parametrize(
    ("name", "term"),
    [
        ("home", "season week"),
        ("coverage", "Phase 3"),
        ("rates", "population"),
        ("system", "sweep"),
    ],
)
def test_page_links_its_terms(demo: Demo, viewer: Client, name: str, term: str) -> None:
    page = viewer.get(reverse(name)).content.decode()
    found = glossary.BY_NAME[term.lower()]
    assert f'<a class="term" href="{found.url}" title="{escape(found.meaning)}">' in page


def test_guide_tag_links_to_the_present_topic_and_escapes_its_words() -> None:
    made = Template('{% guide "categories" words "list" %}').render(
        Context({"words": "<b>list</b>"})
    )
    link = '<a class="guide-link" href="/guide/failures/#categories">&lt;b&gt;list&lt;/b&gt;</a>'
    assert made == link


# Search


def test_search_ranks_title_then_heading_then_text(viewer: Client) -> None:
    found = [url for url, _ in results(viewer, "retry")]
    title, heading, text = (
        "/guide/retry/",
        "/guide/commands/#retry",
        "/guide/failures/#cascades",
    )
    assert found.index(title) < found.index(heading) < found.index(text)
    assert found[0] == title


@pytest.mark.parametrize(
    ("words", "url"),
    [
        ("canary", "/guide/glossary/#canary"),
        ("impossible value", f"/guide/findings/#{slugify(kinds.IMPOSSIBLE_VALUE.name)}"),
        ("insufficient_data", "/guide/failures/#INSUFFICIENT_DATA"),
        ("validate_pipeline", "/guide/commands/#validate_pipeline"),
        ("--skip-preflight", "/guide/commands/#backfill"),
        ("month-status", "/guide/queries/#month-status"),
        ("failure BANDS", "/guide/season/#bands"),
        ("bands", "/guide/season/#bands"),
    ],
)
def test_search_finds_terms_findings_categories_and_commands(
    viewer: Client, words: str, url: str
) -> None:
    assert url in [found for found, _ in results(viewer, words)]


def test_every_result_reaches_a_heading_and_marks_the_words(viewer: Client) -> None:
    found = results(viewer, "phase 3 preflight")
    assert found
    for url, excerpt in found:
        slug, _, anchor = url.removeprefix("/guide/").partition("/")
        assert anchor in {"", *(f"#{i}" for i in re.findall(r'id="([^"]+)"', read(viewer, slug)))}
        assert len(re.sub(r"<[^>]+>", "", excerpt)) < 2 * search.EXCERPT
    assert any("<mark>Phase</mark>" in excerpt for _, excerpt in found)


def test_excerpt_is_escaped_and_marked() -> None:
    marks = re.compile("mar")
    assert search.mark("<mark>", marks) == "&lt;<mark>mar</mark>k&gt;"
    text = f"{'early ' * 50}needle{' late' * 50}"
    part = search.excerpt(text, re.compile("needle"))
    assert part.startswith("… early")
    assert part.endswith("late …")
    assert "needle" in part


def test_htmx_gets_the_results_alone(viewer: Client) -> None:
    address = reverse("guide")
    fragment = viewer.get(address, {"q": "canary"}, headers={"HX-Request": "true"})
    text = fragment.content.decode()
    assert text.lstrip().startswith('<div id="results"')
    assert "<html" not in text
    page = viewer.get(address, {"q": "canary"}).content.decode()
    assert text.strip() in page
    assert re.search(r'data-announce="\d+ results"', text)


def test_search_without_words_lists_the_topics(viewer: Client) -> None:
    text = viewer.get(reverse("guide"), {"q": " "}).content.decode()
    assert tuple(re.findall(r'class="card topic" href="/guide/([\w-]+)/"', text)) == SLUGS


@pytest.mark.parametrize(
    ("words", "suggested"),
    [("canery", "canary"), ("canary zebra", "canary"), ("parallel", None)],
)
def test_empty_result_gives_suggestions(viewer: Client, words: str, suggested: str | None) -> None:
    text = viewer.get(reverse("guide"), {"q": words}).content.decode()
    if suggested is None:
        assert results(viewer, words)
    else:
        assert "No results for" in text
        assert f'href="/guide/?q={suggested}"' in text
        assert results(viewer, suggested)


def test_empty_result_names_the_words_and_links_to_the_glossary(viewer: Client) -> None:
    text = viewer.get(reverse("guide"), {"q": "<script>zebra"}).content.decode()
    assert "No results for “&lt;script&gt;zebra”" in text
    assert 'href="/guide/glossary/"' in text.partition("No results")[2].partition("</main>")[0]


@pytest.mark.parametrize("words", ["%", "*", "(", "\\", "a" * 5000, "· ·", "é ü"])
def test_odd_words_are_answered(viewer: Client, words: str) -> None:
    assert viewer.get(reverse("guide"), {"q": words}).status_code == 200


def test_synonyms_have_results() -> None:
    assert [word for word, known in search.SYNONYMS.items() if not search.find(known)] == []
