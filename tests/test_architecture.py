from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("validation", "backfill", "webapp")
MODULES = [
    f
    for package in PACKAGES
    for f in sorted((ROOT / package).rglob("*.py"))
    if "migrations" not in f.parts
]
# What each package may know of the others.
MAY_IMPORT = {"validation": set(), "backfill": {"validation"}, "webapp": {"backfill", "validation"}}
MOST_LINES = 350
DECLARATIONS = {"backfill/warehouse/tables.py"}
COMMANDS = sorted(f.stem for f in ROOT.glob("*/management/commands/*.py") if f.stem != "__init__")


def name_of(module: Path) -> str:
    return module.relative_to(ROOT).as_posix()


def package_of(module: Path) -> str:
    return module.relative_to(ROOT).parts[0]


@cache
def imported(module: Path) -> frozenset[str]:
    """The top-level packages that a module imports anywhere, its own included."""

    def found() -> Iterator[str]:
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield package_of(module) if node.level else node.module or ""

    return frozenset(name.partition(".")[0] for name in found())


def test_imports_run_one_way() -> None:
    others = {m: imported(m) & set(PACKAGES) - {package_of(m)} for m in MODULES}
    assert {
        name_of(m): found - MAY_IMPORT[package_of(m)]
        for m, found in others.items()
        if found - MAY_IMPORT[package_of(m)]
    } == {}


def test_validation_imports_the_standard_library_only() -> None:
    modules = [m for m in MODULES if package_of(m) == "validation"]
    assert frozenset().union(*map(imported, modules)) - {"validation"} <= sys.stdlib_module_names


def test_the_product_does_not_know_its_tests() -> None:
    assert [
        name_of(m) for m in MODULES if imported(m) & {"tests", "bench", "pytest", "hypothesis"}
    ] == []


def test_no_module_is_too_long_to_read() -> None:
    lines = {name_of(m): len(m.read_text(encoding="utf-8").splitlines()) for m in MODULES}
    assert {
        name: n for name, n in lines.items() if n > MOST_LINES and name not in DECLARATIONS
    } == {}


def test_every_module_says_what_it_is() -> None:
    texts = {name_of(m): m.read_text(encoding="utf-8") for m in MODULES}
    assert [
        name for name, text in texts.items() if text and not ast.get_docstring(ast.parse(text))
    ] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_verb_answers_in_json_and_explains_itself(name: str) -> None:
    command = load_command_class(get_commands()[name], name)
    printed = command.create_parser("manage.py", name).format_help()
    assert "--json" in printed
    assert command.help.endswith(".")
