"""Named statements: .sql files with a one-line description, referenced from Python by name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from backfill import statements
from backfill.processors.render import SQL_FOLDER

ROOT = Path(__file__).parents[2]
AUDIT = ROOT / "backfill" / "judging" / "sql"
FILES = sorted([*statements.FOLDER.glob("*.sql"), *SQL_FOLDER.glob("*.sql"), *AUDIT.glob("*.sql")])
NAMES = sorted(f.stem for f in statements.FOLDER.glob("[!_]*.sql"))
MODULES = [
    f
    for p in ("backfill", "webapp")
    for f in (ROOT / p).rglob("*.py")
    if "migrations" not in f.parts
]
QUERY = re.compile(r"\b(SELECT|MERGE)\b(.|\n)*\bFROM\b|\bFROM \b.*\bWHERE\b|DELETE FROM")
# The embedded engine and the file loader build DuckDB commands from a schema at run time.
ENGINE = {
    *(
        f"backfill/ingest/{name}.py"
        for name in [
            "load",
            "load_checks",
            "merging",
            "reading",
            "schedule",
            "sources",
            "table_checks",
        ]
    ),
    "backfill/recovery/database.py",  # every table of a backup
    "backfill/warehouse/parquet/new_partitions.py",
    "backfill/warehouse/parquet/reading.py",
    "backfill/warehouse/parquet/session.py",
    "backfill/warehouse/bigquery/sql.py",
    "backfill/ingest/copy_warehouse.py",
}


@cache
def texts(module: Path) -> tuple[str, ...]:
    return tuple(strings(module))


def strings(module: Path) -> Iterator[str]:
    """Yield the strings of a module without its docstrings, each f-string as one."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    documented = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and node.body
        if isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(
                str(v.value) if isinstance(v, ast.Constant) else "{}" for v in node.values
            )
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in documented
        ):
            yield node.value


@pytest.mark.parametrize("file", FILES, ids=lambda f: f"{f.parent.parent.name}-{f.stem}")
def test_a_statement_begins_with_its_description(file: Path) -> None:
    first = file.read_text(encoding="utf-8").splitlines()[0]
    assert re.match(r"\{# \S.+", first), first


@pytest.mark.parametrize("name", NAMES)
def test_a_statement_is_rendered_by_a_module(name: str) -> None:
    assert any(name in texts(module) for module in MODULES)


def test_no_query_is_written_in_python() -> None:
    found = {m.relative_to(ROOT).as_posix() for m in MODULES if any(map(QUERY.search, texts(m)))}
    assert found == ENGINE


def test_a_value_that_is_not_given_is_an_error() -> None:
    with pytest.raises(Exception, match="'table' is undefined"):
        statements.render("season-rows")
