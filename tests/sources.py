"""Source files behind commands of the product; cached results stay valid until one changes."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("validation", "backfill")
# Django imports these by name.
BY_NAME = ("backfill.apps", "backfill.checks", "backfill.models")


def digest(files: Iterable[Path]) -> str:
    """Return a hash of the names and contents of these files."""
    contents = {
        f"{file.relative_to(ROOT)}": sha256(file.read_bytes()).hexdigest() for file in files
    }
    return sha256(repr(sorted(contents.items())).encode()).hexdigest()[:16]


def sources_of(*commands: str) -> set[Path]:
    """Return every file that a run of these commands can read.

    These are the modules that they import anywhere, also inside functions, and all statements,
    migrations, settings and package versions.
    """
    todo = [file for name in (*BY_NAME, *map(_module, commands)) for file in _files(name)]
    found: set[Path] = set()
    while todo:
        if (module := todo.pop()) not in found:
            found.add(module)
            todo += [file for name in _imported(module) for file in _files(name)]
    return found | set(_not_imported())


def _module(command: str) -> str:
    return f"backfill.management.commands.{command}"


def _not_imported() -> Iterator[Path]:
    for package in PACKAGES:
        yield from (ROOT / package).rglob("*.sql")
    yield from (ROOT / "backfill" / "migrations").glob("*.py")
    settings = ROOT / "webapp" / "settings.py", ROOT / ".env", ROOT / "requirements.txt"
    yield from (file for file in settings if file.exists())


@cache
def _files(name: str) -> tuple[Path, ...]:
    """Return the modules that an import of this name runs, packages included.

    The last part may be a name inside a module.
    """
    found, place = [], ROOT
    for part in name.split(".") if name.partition(".")[0] in PACKAGES else ():
        place /= part
        found += [
            file for file in (place / "__init__.py", place.with_suffix(".py")) if file.is_file()
        ]
    return tuple(found)


def _imported(module: Path) -> Iterator[str]:
    package = module.relative_to(ROOT).parts[:-1]
    for node in _statements(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            yield from (
                ".".join((*above, *(node.module or "").split("."), alias.name)).replace("..", ".")
                for alias in node.names
            )


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    # ast.walk would visit every expression too, which takes most of the time.
    yield node
    for field in ("body", "orelse", "finalbody", "handlers", "cases"):
        inner = getattr(node, field, ())
        for child in inner if isinstance(inner, list) else ():
            yield from _statements(child)
