"""Documents: names in them exist, and existing commands, settings and pages are documented."""

from __future__ import annotations

import re
import shlex
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command, get_commands, load_command_class

from backfill.processors.registry import PROCESSORS
from backfill.warehouse.tables import TABLES

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
SETTINGS = (ROOT / "webapp" / "settings.py").read_text()
# Old command names, kept for one release.
DEPRECATED = {"cap", "prepare"}
COMMANDS = {f.stem for f in ROOT.glob("*/management/commands/[a-z]*.py")} - DEPRECATED
# Paths in text and commands; of a path with a placeholder, the folder before it.
PATH = re.compile(
    r"(?<![\w./-])((?:backfill|bench|bin|docs|templates|tests|validation|webapp)"
    r"/(?:[\w./-]*\w)?)(?![\w<*…])"
)


def test_the_readme_names_every_processor_and_its_output() -> None:
    for processor in PROCESSORS.values():
        assert f"| {processor.code} | {processor.name} | {processor.output} |" in README


def test_the_readme_names_every_command_and_no_other() -> None:
    table = README.partition("## Commands")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)", table, re.MULTILINE)) == COMMANDS
    assert set(re.findall(r"manage\.py ([a-z]\w+)", README)) <= COMMANDS


def test_the_readme_and_the_example_name_every_setting_and_no_other() -> None:
    read = set(re.findall(r'env\.\w+\("([A-Z_]+)"', SETTINGS))
    example = (ROOT / ".env.example").read_text()
    assert set(re.findall(r"^#([A-Z_]+)=", example, re.MULTILINE)) == read
    listed = README.partition("## Settings")[2].partition("\n## ")[0]
    assert set(re.findall(r"`([A-Z][A-Z_]+)`", listed)) == read


def verbs_in(document: str) -> list[list[str]]:
    """Return the words after `manage.py` of every command in a document, up to its end."""
    found = re.findall(r"manage\.py ([a-z][^`\n#;|&<>]*)", document)
    return [shlex.split(re.split(r" {2,}|[,)]", words)[0]) for words in found]


def test_every_command_of_the_operations_guide_is_accepted_by_its_parser() -> None:
    """Names in capitals stand for a value; `workers --here` and the like are complete."""
    verbs = verbs_in((ROOT / "docs" / "operations.md").read_text())
    assert len(verbs) > 20
    for name, *words in verbs:
        command = load_command_class(get_commands()[name], name)
        parser = command.create_parser("manage.py", name)
        given = ["1" if word in ("JOB", "N") else word for word in words]
        parser.parse_args([word for word in given if word != "…"])


@pytest.mark.parametrize(
    "document",
    ["README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/adding-a-processor.md"],
)
def test_every_path_that_a_document_names_exists(document: str) -> None:
    named = set(PATH.findall((ROOT / document).read_text()))
    assert named
    assert sorted(path for path in named if not (ROOT / path).exists()) == []


def test_the_walkthrough_shows_the_processor_of_the_test() -> None:
    """Each line of its code blocks, without comments, is in the code that the test runs."""
    text = (ROOT / "docs" / "adding-a-processor.md").read_text()
    code = (
        (ROOT / "tests" / "rest_summary" / "__init__.py")
        .read_text()
        .replace("NUMBERS.required_games", "3")
    )
    code = code.replace("NUMBERS.examined_games", "5")
    code += (ROOT / "tests" / "webapp" / "test_adding_a_processor.py").read_text()
    shown = [
        line.partition("  #")[0].strip()
        for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL)
        for line in block.splitlines()
    ]
    assert len(shown) > 20
    assert [line for line in shown if line not in code] == []


def test_the_table_of_contents_of_the_warehouse_is_current() -> None:
    out = StringIO()
    call_command("tables", stdout=out)
    assert (ROOT / "docs" / "tables.md").read_text().strip() == out.getvalue().strip()
    assert all(f"## {table}" in out.getvalue() for table in TABLES)


def test_every_decision_has_context_decision_and_consequences() -> None:
    for decision in (ROOT / "docs" / "decisions").glob("*.md"):
        text = decision.read_text()
        assert [f"**{part}.**" in text for part in ("Context", "Decision", "Consequences")] == [
            True
        ] * 3, decision
