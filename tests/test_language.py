"""Documents use the glossary's words: one word per concept, in plain American ops English."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import get_commands, load_command_class

from tests.language import (
    DOCUMENTS,
    EVERYWHERE,
    OLD_LABELS,
    comments,
    find_old_labels,
    find_old_phrases,
    visible_text,
    without_code,
)
from tests.validation import texts as rule_texts
from validation.findings import kinds
from validation.preflight_report import PreflightKind

ROOT = Path(__file__).resolve().parent.parent
PROSE = (
    *(
        "README.md",
        "CONTRIBUTING.md",
        ".env.example",
        "bench/README.md",
        "docs/alerts.yml",
        "docs/prometheus.yml",
    ),
    *("static/vendor/README.md", "tests/backfill/upgrade/README.md"),
    *sorted(str(f.relative_to(ROOT)) for f in ROOT.glob("docs/**/*.md")),
)
COMMENTED = (
    *("docker-compose.yml", "Dockerfile", ".ci/run", ".pre-commit-config.yaml", "pyproject.toml"),
    *(".dockerignore", ".gitignore"),
    *sorted(str(f.relative_to(ROOT)) for f in ROOT.glob("bin/*") if f.is_file()),
)
# Every sentence is from the language that the glossary replaced.
BEFORE = (
    "What needs a person",
    "Nothing wants a person",
    "18 notes explain something and want nobody.",
    "Seasons over each other",
    "What lacks: nothing lacks",
    "Everything that was to be told has been told",
    "The key of X is worth nothing any more.",
    "TDZA fails, as it must",
    "Judged 12:55: 730 (processor, date) held against the games played",
    "0 failures outside expectation",
    "something in the form is not right; it is said beside the field",
    "None waits. One does when it is too large for one person.",
    "each season is held against what must be",
    "failed, and by the games played they must not have failed",
    "blocked by a failure that is there no more",
    "it was an error of the moment",
    "These runs were given back or cancelled; this attempt writes nothing.",
    "3 of 9 entities are not as they must be",
    "why what waits waits",
    "Nothing is to be run for it.",
    "What it healed",
    "goes on with job 7",
    "Change the cap",
    "the job stands still",
    "27.5% of runs",
    "39.7 % to 39.7 %",
    "1 dates are excluded",
)
AFTER = (
    "Needs attention: none. All 27,256 failures are expected.",
    "Audited 12:55 UTC: 730 runs, 0 unexpected failures.",
    "18 informational notes. Show",
    "Token NAME revoked.",
    "Fix the highlighted fields.",
    "None. Scheduled launches and launches awaiting approval appear here.",
    "The sweep detects dead workers by their heartbeat and requeues their runs.",
    "1 run, 21 dates, 27.5 % of 1,001 runs, 11.5 % to 1.5 %",
    "Health, capacity and judo",
)


def document_text(name: str) -> str:
    """Return the prose of a document; of the changelog, that of the current release."""
    text = without_code((ROOT / name).read_text())
    if name == "CHANGELOG.md":
        return re.split(r"^(?=## )", text, maxsplit=2, flags=re.MULTILINE)[1]
    return text


@pytest.mark.parametrize("name", [*PROSE, "CHANGELOG.md"])
def test_a_document_uses_the_words_of_the_glossary(name: str) -> None:
    found = find_old_phrases(document_text(name), DOCUMENTS)
    assert [f"{name} {phrase}" for phrase in found] == []


@pytest.mark.parametrize("name", COMMENTED)
def test_comments_of_a_file_use_the_words_of_the_glossary(name: str) -> None:
    found = find_old_phrases(comments((ROOT / name).read_text()), DOCUMENTS)
    assert [f"{name} {phrase}" for phrase in found] == []


@pytest.mark.parametrize("name", [f for f in (*PROSE, "CHANGELOG.md") if f.endswith(".md")])
def test_headings_of_a_document_are_nouns_or_imperatives(name: str) -> None:
    headings = re.findall(r"^#+ (.*)", (ROOT / name).read_text(), re.MULTILINE)
    question = re.compile(r"(What|Who|Which|Whether|How|Where|When|Why|Those|That)\b")
    assert headings
    assert [heading for heading in headings if question.match(heading)] == []


@pytest.mark.parametrize("sentence", BEFORE)
def test_a_sentence_of_the_old_language_is_found(sentence: str) -> None:
    assert find_old_phrases(sentence)


@pytest.mark.parametrize("sentence", AFTER)
def test_a_sentence_of_the_glossary_passes(sentence: str) -> None:
    assert find_old_phrases(sentence) == []


def test_every_pattern_has_a_replacement_and_matches_no_replacement() -> None:
    assert [
        f"{found}" for _, replacement in DOCUMENTS for found in find_old_phrases(replacement)
    ] == []
    assert all(pattern and replacement for pattern, replacement in DOCUMENTS)
    assert len({pattern for pattern, _ in DOCUMENTS}) == len(DOCUMENTS)


def test_a_phrase_is_reported_with_its_line_and_replacement_also_across_lines() -> None:
    (found,) = find_old_phrases("A job\nis stalled; it goes\non tomorrow.", EVERYWHERE)
    assert str(found) == "line 2: 'goes on', use: resume, continue"


def test_an_old_label_is_found_whole_and_in_any_case() -> None:
    labels = ["Judge  now", "Run audit", "Newer runs", "Older"]
    assert find_old_labels(labels) == ["'Judge  now', use: Run audit", "'Older', use: Next"]
    assert find_old_labels(set(OLD_LABELS.values())) == []


def test_code_in_a_document_is_not_prose() -> None:
    assert find_old_phrases(without_code("Run `backfill --outdated` again.")) == []
    assert find_old_phrases(without_code("This is outdated.")) != []


def test_only_comments_of_a_file_are_prose() -> None:
    source = "cap: 3  # in flight\n# the cap\n; as a whole\n"
    assert comments(source) == "  # in flight\n# the cap\n; as a whole".replace("  #", " #")


def test_text_of_a_page_has_its_tooltips_and_no_code() -> None:
    page = '<p title="Cell of a run">1 job <code>--outdated</code><script>cap()</script></p>'
    assert visible_text(page).split("\n") == ["Cell of a run", "1 job "]


@pytest.mark.parametrize("area", rule_texts.ALL)
def test_texts_of_validation_use_the_words_of_the_glossary(area: str) -> None:
    named = list(dict.fromkeys(rule_texts.ALL[area]()))
    assert named
    assert [
        f"{name}: {text!r}: {phrase}"
        for name, text in named
        for phrase in find_old_phrases(text, EVERYWHERE)
    ] == []


def test_texts_of_validation_cover_every_kind_of_finding_and_of_preflight_item() -> None:
    drafts, items = rule_texts.finding_drafts(), rule_texts.preflight_items()
    assert {draft.kind.name for draft in drafts} == set(kinds.BY_NAME)
    assert {item.kind for item in items} == set(PreflightKind)


def test_titles_of_finding_kinds_name_an_audit_result_in_the_words_of_the_glossary() -> None:
    titles = {kind.name: kind.title for kind in kinds.KINDS}
    assert len(set(titles.values())) == len(titles)
    for name, words in {
        "unexplained": "unexpected failure",
        "lost failure": "unexpected success",
        "unaccounted": "unaccounted",
        "hole": "gap",
        "old statement": "stale",
        "stale input": "stale",
        "forward cascade": "stale",
    }.items():
        assert words in titles[name], name


# Texts of shell, API, admin site and metrics

COMMANDS = sorted(name for name, app in get_commands().items() if app in ("backfill", "webapp"))
# Flags and values that keep an old word next to its new one.
OLD_FLAGS = re.compile(r"--[a-z-]+|\bcap\b(?= )")
API_TEXTS = ("title", "summary", "description", "tags")


def without_blank_lines(text: str) -> str:
    return re.sub(r"\s+", " ", text)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_uses_the_words_of_the_glossary(name: str) -> None:
    app = get_commands()[name]
    parser = load_command_class(str(app), name).create_parser("manage.py", name)
    text = parser.format_help().replace(f"manage.py {name}", "")
    assert find_old_phrases(without_code(without_blank_lines(OLD_FLAGS.sub("", text)))) == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_a_command_has_a_help(name: str) -> None:
    parser = load_command_class(str(get_commands()[name]), name).create_parser("manage.py", name)
    assert [action.dest for action in parser._actions if not action.help] == []


def api_texts(document: Any) -> Iterator[str]:
    """Yield titles, summaries, descriptions and tags of an OpenAPI document."""
    if isinstance(document, list):
        for entry in document:
            yield from api_texts(entry)
    elif isinstance(document, dict):
        for key, value in document.items():
            if key in API_TEXTS and isinstance(value, str | list):
                yield from [value] if isinstance(value, str) else value
            else:
                yield from api_texts(value)


def openapi_document() -> Any:
    from webapp.api.urls import ROOT as API_ROOT
    from webapp.api.urls import api

    return api.get_openapi_schema(path_prefix=API_ROOT)


def test_the_openapi_document_uses_the_words_of_the_glossary() -> None:
    texts = [text for text in api_texts(openapi_document()) if " " in text]
    assert len(texts) > 50
    assert [
        f"{text!r} {found}" for text in texts for found in find_old_phrases(without_code(text))
    ] == []


def test_every_operation_and_field_of_the_api_is_described() -> None:
    document = openapi_document()
    operations = [one for methods in document["paths"].values() for one in methods.values()]
    bodies = [s for s in document["components"]["schemas"].values() if "properties" in s]
    fields = {f"{b['title']}.{name}": f for b in bodies for name, f in b["properties"].items()}
    assert operations
    assert fields
    assert [one["operationId"] for one in operations if not one.get("description")] == []
    assert [name for name, field in fields.items() if not field.get("description")] == []


def test_names_of_models_are_plain_in_singular_and_plural() -> None:
    models = [m for app in ("backfill", "webapp") for m in apps.get_app_config(app).get_models()]
    names = [str(n) for m in models for n in (m._meta.verbose_name, m._meta.verbose_name_plural)]
    assert [f"{name} {found}" for name in names for found in find_old_phrases(name)] == []
    assert [name for name in names if name.endswith(("chs", "ss", "sss", "itss"))] == []


def admin_texts() -> Iterator[str]:
    """Yield titles, field labels, help texts and actions of the admin site."""
    from webapp.auth.admin import site

    yield from (site.index_title, site.site_header)
    for model, admin in site._registry.items():
        fields = list(model._meta.fields)
        fields += list(admin.form.base_fields.values()) if admin.form else []
        yield from (str(getattr(f, "verbose_name", "") or getattr(f, "label", "")) for f in fields)
        yield from (str(field.help_text) for field in fields)
        actions = (admin.get_action(name) for name in admin.actions)
        yield from (str(action[2]) for action in actions if action)


def test_texts_of_the_admin_site_use_the_words_of_the_glossary() -> None:
    texts = list(admin_texts())
    assert "Concurrency limit" in texts
    assert [f"{text!r} {found}" for text in texts for found in find_old_phrases(text)] == []


@pytest.mark.django_db
def test_descriptions_of_metrics_use_the_words_of_the_glossary() -> None:
    from webapp.ops.metrics import SharedMetrics

    texts = [metric.documentation for metric in SharedMetrics().collect()]
    assert texts
    assert [f"{text!r} {found}" for text in texts for found in find_old_phrases(text)] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_the_example_of_a_command_is_a_command_line_that_it_accepts(name: str) -> None:
    command = load_command_class(str(get_commands()[name]), name)
    first, *words = shlex.split(command.example or name)
    parser = command.create_parser("manage.py", name)
    assert first == name
    if command.example:
        assert parser.parse_args(words)
