"""Messages, log lines and docstrings in the code use the words of the glossary."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.language import EVERYWHERE, find_old_phrases, without_code

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("backfill", "validation", "webapp")
MODULES = [
    path.relative_to(ROOT)
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
    if "migrations" not in path.parts
]
# A value in an f-string; it keeps the words on both sides of it apart.
VALUE = "…"
SQL = re.compile(r"\b(SELECT|INSERT INTO|CREATE TABLE|SET lock_timeout)\b")
# Values in URLs, which cannot change.
PUBLIC = frozenset({"under way"})  # `state` of the list of jobs
QUESTION = re.compile(r"(What|Who|Whom|Whose|Whether|Those|How|Of|Where|Which|Why|When)\b")
MOST_QUESTIONS = 0.04


def docstring_nodes(tree: ast.AST) -> Iterator[ast.Constant]:
    """Yield the docstrings of a module, its classes and its functions."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        first = node.body[0] if node.body else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            yield first.value


def texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and text of every string with several words: messages, labels, help, log lines.

    A single word is a key, a stored value or a flag name, and is skipped.
    """
    skipped = {id(node) for node in docstring_nodes(tree)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            skipped |= {id(part) for part in node.values}
            yield (
                node.lineno,
                "".join(
                    str(part.value) if isinstance(part, ast.Constant) else VALUE
                    for part in node.values
                ),
            )
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in skipped
            and " " in node.value.strip()
        ):
            yield node.lineno, node.value


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_texts_of_a_module_use_the_words_of_the_glossary(module: Path) -> None:
    found = [
        f"{module}:{line} {phrase}"
        for line, text in texts(ast.parse((ROOT / module).read_text()))
        if text not in PUBLIC and not SQL.search(text)
        for phrase in find_old_phrases(without_code(text), EVERYWHERE)
    ]
    assert found == []


def test_docstrings_begin_with_a_verb_or_a_noun() -> None:
    docstrings = [
        (module, str(node.value))
        for module in MODULES
        for node in docstring_nodes(ast.parse((ROOT / module).read_text()))
    ]
    questions = [f"{module}: {text[:60]}" for module, text in docstrings if QUESTION.match(text)]
    assert docstrings
    assert len(questions) <= MOST_QUESTIONS * len(docstrings), "\n".join(questions)


def test_texts_are_found_with_their_lines_and_without_docstrings() -> None:
    source = (
        '"""The judged jobs."""\nlog(f"job {n} judged", x["judged"])\nsay("1 job of the cap")\n'
    )
    assert list(texts(ast.parse(source))) == [(2, f"job {VALUE} judged"), (3, "1 job of the cap")]
