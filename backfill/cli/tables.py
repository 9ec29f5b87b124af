"""Plain text for the shell: aligned tables, numbers to the right."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from io import StringIO
from typing import Any

from backfill.logs import escaped

UNBOUNDED = 10_000  # columns: output for a program or a pager is not folded


def table(rows: Sequence[dict[str, Any]], *, is_terminal: bool = False, color: bool = False) -> str:
    """Lay rows out under their keys, NULL as a dash; folded only on a terminal."""
    if not is_terminal and rows and all(_is_plain(row) for row in rows):
        return _plain(rows)
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    width = None if is_terminal else UNBOUNDED
    console = Console(file=StringIO(), force_terminal=is_terminal, no_color=not color, width=width)
    laid_out = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in rows[0] if rows else ():
        is_number = _is_number(name, rows)
        laid_out.add_column(Text(name), justify="right" if is_number else "left", no_wrap=is_number)
    for row in rows:
        laid_out.add_row(*(Text(_cell(value)) for value in row.values()))
    with console.capture() as captured:
        console.print(laid_out)
    return "\n".join(map(str.rstrip, captured.get().splitlines()))


def _is_number(name: str, rows: Sequence[dict[str, Any]]) -> bool:
    return any(isinstance(row[name], int | float | Decimal) for row in rows)


def _is_plain(row: dict[str, Any]) -> bool:
    """Return True if every character of a row is one column wide."""
    return all(str(value).isascii() and str(value).isprintable() for value in row.values())


def _plain(rows: Sequence[dict[str, Any]]) -> str:
    """Return the same layout without Rich, whose import takes longer than most lists."""
    columns = []
    for name in rows[0]:
        cells = [name, *(_cell(row[name]) for row in rows)]
        width = max(map(len, cells))
        place = str.rjust if _is_number(name, rows) else str.ljust
        columns.append([place(cell.rstrip(), width) for cell in cells])
    return "\n".join("  ".join(line).rstrip() for line in zip(*columns, strict=True))


def _cell(value: object) -> str:
    if value is None:
        return "-"
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return f"{value:,}" if is_number else escaped(str(value))
