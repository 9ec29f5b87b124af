"""What the documents name exists, and what exists they name."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from backfill.processors.registry import PROCESSORS
from backfill.warehouse.tables import TABLES

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
SETTINGS = (ROOT / "webapp" / "settings.py").read_text()
# Old command names, kept for one release.
DEPRECATED = {"cap", "prepare"}
COMMANDS = {f.stem for f in ROOT.glob("*/management/commands/[a-z]*.py")} - DEPRECATED
# In text and in commands; of one with a placeholder, the folder before it.
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


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "docs/architecture.md"])
def test_every_path_that_a_document_names_exists(document: str) -> None:
    named = set(PATH.findall((ROOT / document).read_text()))
    assert named
    assert sorted(path for path in named if not (ROOT / path).exists()) == []


def test_the_table_of_contents_of_the_warehouse_is_current() -> None:
    out = StringIO()
    call_command("tables", stdout=out)
    assert (ROOT / "docs" / "tables.md").read_text().strip() == out.getvalue().strip()
    assert all(f"## {table}" in out.getvalue() for table in TABLES)


def test_every_decision_says_context_choice_and_cost() -> None:
    for decision in (ROOT / "docs" / "decisions").glob("*.md"):
        text = decision.read_text()
        assert [f"**{part}.**" in text for part in ("Context", "Choice", "Cost")] == [True] * 3, (
            decision
        )
