"""Excel workbooks: a sheet becomes a CSV file, which is read like any other."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, time
from pathlib import Path
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook

from backfill.errors import Refused
from backfill.ingest import archives


def sheet_names(file: Path, name: str) -> list[str]:
    """Return the names of a workbook's sheets. Raises Refused."""
    with _opened(file, name) as book:
        return book.sheet_names


def write_csv(file: Path, sheet: str, made: Path, name: str) -> None:
    """Write the filled rows of a sheet to a CSV file. Raises Refused."""
    with _opened(file, name) as book, made.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines)
        for row in book.get_sheet_by_name(sheet).to_python():
            if any(cell != "" for cell in row):
                writer.writerow(_text(cell) for cell in row)


@contextmanager
def _opened(file: Path, name: str) -> Iterator[CalamineWorkbook]:
    archives.check_workbook(file, name)
    try:
        yield CalamineWorkbook.from_path(str(file))
    except CalamineError as error:
        raise Refused(f"{name} cannot be read as an Excel workbook ({error})") from error


def _text(cell: Any) -> Any:
    """Return a cell as text that casts to its column: 22300001.0 is a whole number, midnight a
    date.
    """
    if isinstance(cell, float) and cell.is_integer():
        return int(cell)
    if isinstance(cell, datetime):
        return cell.date() if cell.time() == time() else cell
    return cell
