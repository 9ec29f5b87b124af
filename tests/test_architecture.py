from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
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
MOST_MODULES = 18
# Read only: a preview shows exactly what would run, and a page that is opened changes nothing.
READ_ONLY = {"plan", "status"}
WRITES = {
    *("save", "asave", "update", "aupdate", "create", "acreate", "delete", "adelete"),
    *("get_or_create", "update_or_create", "bulk_create", "bulk_update"),
    *("transition", "insert", "locked", "select_for_update"),
}
# Counters, not querysets.
COUNTERS = {
    "backfill/status/comparison.py": ["update"],
    "backfill/status/job_summary.py": ["update"],
    "backfill/status/progress.py": ["update"],
    "backfill/status/season_failures.py": ["update"],
}
# Django gives each of these the same name in every module that declares one.
DJANGO_NAMES = {"Command", "Meta", "Migration", "State", "Status"}
# Column: of a warehouse table, and of a listing. Kind: nested enumerations of two models.
SHARED_NAMES = {"Column", "Kind"}
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


def dotted(module: Path) -> str:
    parts = module.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


BY_NAME = {dotted(m): m for m in MODULES}


@cache
def imported_modules(module: Path) -> frozenset[str]:
    """Return the product's modules that a module imports, lazy and type-only imports included."""

    def found() -> Iterator[str]:
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                origin = node.module or ""
                names = [f"{origin}.{alias.name}" for alias in node.names]
                yield from names
                # A package that only names its submodules is no dependency.
                if not all(name in BY_NAME for name in names):
                    yield origin

    return frozenset(name for name in found() if name in BY_NAME) - {dotted(module)}


def in_folder(module: Path, *folder: str) -> bool:
    return module.relative_to(ROOT).parts[: len(folder)] == folder


def importing(modules: list[Path], *prefixes: str) -> dict[str, list[str]]:
    """Return the modules that import anything under these dotted prefixes, with what they import."""
    found = {
        name_of(m): sorted(
            name
            for name in imported_modules(m)
            if any(name == p or name.startswith(f"{p}.") for p in prefixes)
        )
        for m in modules
    }
    return {name: names for name, names in found.items() if names}


def test_no_import_cycle() -> None:
    graph = {name: imported_modules(m) for name, m in BY_NAME.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as cycle:
        pytest.fail(f"import cycle: {' -> '.join(reversed(cycle.args[1]))}")


def test_plan_and_status_do_not_know_what_writes() -> None:
    modules = [m for m in MODULES if any(in_folder(m, "backfill", name) for name in READ_ONLY)]
    assert modules
    assert importing(modules, "backfill.jobs", "backfill.execution") == {}


def test_plan_and_status_never_write() -> None:
    calls = {
        name_of(m): [
            node.func.attr
            for node in ast.walk(ast.parse(m.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in WRITES
        ]
        for m in MODULES
        if any(in_folder(m, "backfill", name) for name in READ_ONLY)
    }
    assert {name: found for name, found in calls.items() if found} == COUNTERS


def test_panel_and_shell_do_not_import_each_other() -> None:
    panel = [
        m
        for m in MODULES
        if in_folder(m, "webapp") and not in_folder(m, "webapp", "management", "commands")
    ]
    commands = [m for m in MODULES if "commands" in m.parts or in_folder(m, "backfill", "cli")]
    assert importing(panel, "backfill.cli", "backfill.management", "webapp.management") == {}
    assert importing(commands, "webapp.api") == {}


def test_one_class_name_has_one_meaning() -> None:
    names = Counter(
        name
        for m in MODULES
        for name in {
            node.name
            for node in ast.walk(ast.parse(m.read_text(encoding="utf-8")))
            if isinstance(node, ast.ClassDef)
        }
    )
    assert {name for name, n in names.items() if n > 1} - DJANGO_NAMES == SHARED_NAMES


def test_no_folder_is_crowded() -> None:
    sizes = Counter(m.parent.relative_to(ROOT).as_posix() for m in MODULES)
    assert {
        folder: n
        for folder, n in sizes.items()
        if n > MOST_MODULES and not folder.endswith("management/commands")
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
