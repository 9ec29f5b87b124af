"""Tests on PostgreSQL cover the code that depends on the database."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Row locks, constraints, conflicts, statements without the ORM, and what differs by database.
DEPENDENT = re.compile(
    r"select_for_update|\.locked\(|IntegrityError|(ignore|update)_conflicts|connection\.cursor\(|\.vendor\b"
)
CONCURRENT = re.compile(r"\bThread(PoolExecutor)?\(|\btogether\(|IntegrityError|select_for_update")
# Their tests run other modules or real processes.
ELSEWHERE = {
    "backfill.execution.record": "tests/backfill/execution/test_dispatch.py",
    "backfill.management.commands.migrate_locked": "tests/system/test_backups.py",
    "backfill.management.commands.restore": "tests/system/test_backups.py",
    "backfill.recovery.backup": "tests/system/test_backups.py",
    "backfill.recovery.database": "tests/system/test_backups.py",
    "backfill.recovery.restore": "tests/system/test_backups.py",
    "backfill.session_defaults": "tests/system/test_deployment.py",
    "webapp.auth.lazy_writes": "tests/webapp/test_read_only.py",
}


@cache
def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def names(file: Path) -> set[str]:
    """Return the modules that a file imports, and the packages that it imports names from."""
    found = set()
    for node in ast.walk(parsed(file)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def marks(nodes: list[ast.expr]) -> set[str]:
    return set(re.findall(r"mark\.(\w+)", " ".join(map(ast.unparse, nodes))))


def marks_of_module(file: Path) -> set[str]:
    values = (
        node.value
        for node in parsed(file).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark"
    )
    return marks(list(values))


def functions(file: Path) -> Iterator[tuple[ast.FunctionDef, set[str]]]:
    """Yield the tests of a file, each with its marks and those of its class and module."""
    for node in parsed(file).body:
        of_class = marks(node.decorator_list) if isinstance(node, ast.ClassDef) else set()
        for test in node.body if isinstance(node, ast.ClassDef) else [node]:
            if isinstance(test, ast.FunctionDef) and test.name.startswith("test_"):
                yield test, marks(test.decorator_list) | of_class | marks_of_module(file)


def on_postgres(found: set[str]) -> bool:
    return "database" in found and ("postgres" in found or "shell" not in found)


def test_files(*folders: str) -> list[Path]:
    return [f for folder in folders for f in sorted((ROOT / folder).rglob("test_*.py"))]


test_files.__test__ = False  # type: ignore[attr-defined]


def test_every_module_that_depends_on_the_database_is_tested_on_both() -> None:
    tested = {
        name
        for file in test_files("tests/backfill", "tests/webapp")
        if any(on_postgres(found) for _, found in functions(file))
        for name in names(file)
    }
    dependent = {
        ".".join(file.relative_to(ROOT).with_suffix("").parts)
        for package in ("backfill", "webapp")
        for file in (ROOT / package).rglob("*.py")
        if "migrations" not in file.parts and DEPENDENT.search(file.read_text(encoding="utf-8"))
    }
    untested = {
        name
        for name in dependent - tested
        if not (name.startswith("backfill.models.") and "backfill.models" in tested)
    }
    assert untested == ELSEWHERE.keys()
    assert [file for file in ELSEWHERE.values() if not (ROOT / file).exists()] == []


def test_a_test_of_concurrent_transactions_runs_on_both() -> None:
    left_out = [
        test.name
        for file in test_files("tests/backfill")
        for test, found in functions(file)
        if "database" in found and not on_postgres(found) and CONCURRENT.search(ast.unparse(test))
    ]
    assert left_out == []


def test_the_command_runs_the_folders_that_have_such_tests() -> None:
    (command,) = re.findall(
        r"tests\.postgres pytest .* -m '[^']*' (.*)", (ROOT / "bin/test").read_text()
    )
    folders = command.split()
    assert [
        file.relative_to(ROOT).as_posix()
        for file in test_files("tests")
        if any(on_postgres(found) for _, found in functions(file))
        and not any(file.is_relative_to(ROOT / folder) for folder in folders)
    ] == []
