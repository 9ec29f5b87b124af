"""Cells of the season grid in text form: `PSZA,PDC 2021-11-01..2021-11-05, 2021-11-09; ML 2021-11-03`.

A short form for addresses has a bitmap of the days from a date: `PSZA 2021-11-01~1f`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from datetime import date, timedelta
from functools import lru_cache

from backfill.errors import Refused
from backfill.plan.date_lists import format_dates, parse_dates
from backfill.processors.registry import CHAIN, unknown_processor

Cell = tuple[str, date]
HOW_TO_WRITE = "write cells as PSZA,PDC 2021-11-01..2021-11-05; ML 2021-11-03"
MOST_CHARACTERS = 200_000
BITMAP = re.compile(r"(\d{4}-\d\d-\d\d)~([0-9a-f]{1,250})", re.ASCII)


def parse_cells(text: str) -> tuple[Cell, ...]:
    """Return the distinct cells of a text by date, then in chain order. Raises Refused."""
    return _parsed(text, tuple(CHAIN))


@lru_cache(maxsize=32)  # a step asks for its job's cells once per run
def _parsed(text: str, chain: tuple[str, ...]) -> tuple[Cell, ...]:
    if len(text) > MOST_CHARACTERS:
        raise Refused(f"a selection has at most {MOST_CHARACTERS:,} characters; select fewer cells")
    found: set[Cell] = set()
    for part in filter(None, map(str.strip, text.split(";"))):
        names, _, dates = part.partition(" ")
        codes = [name.strip().upper() for name in names.split(",")]
        if unknown := [code for code in codes if code not in chain]:
            raise Refused(f"{unknown_processor(unknown[0])}; {HOW_TO_WRITE}")
        if not (days := parse_dates(BITMAP.sub(_listed, dates))):
            raise Refused(f"{part[:40]!r} has no dates; {HOW_TO_WRITE}")
        found |= {(code, day) for code in codes for day in days}
    return tuple(sorted(found, key=lambda cell: (cell[1], chain.index(cell[0]))))


def format_cells(cells: Collection[Cell]) -> str:
    """Format cells for `parse_cells`, processors with the same dates together."""
    return "; ".join(f"{','.join(codes)} {format_dates(days)}" for codes, days in _rows(cells))


def packed_cells(cells: Collection[Cell]) -> str:
    """Format cells for an address: a few hundred characters for any cells of a season."""
    return ";".join(f"{','.join(codes)} {_bitmap(days)}" for codes, days in _rows(cells))


def _rows(cells: Collection[Cell]) -> Iterator[tuple[list[str], list[date]]]:
    """Yield the dates of each processor; processors with the same dates together."""
    alike: dict[tuple[date, ...], list[str]] = {}
    for code in CHAIN:
        if days := tuple(sorted(day for of, day in cells if of == code)):
            alike.setdefault(days, []).append(code)
    yield from ((codes, [*days]) for days, codes in alike.items())


def _bitmap(days: Collection[date]) -> str:
    first = min(days)
    return f"{first}~{sum(1 << (day - first).days for day in days):x}"


def _listed(match: re.Match[str]) -> str:
    """Return the dates of a bitmap as a list."""
    try:
        first, bits = date.fromisoformat(match[1]), int(match[2], 16)
        days = [first + timedelta(n) for n in range(bits.bit_length()) if bits >> n & 1]
    except (ValueError, OverflowError):
        raise Refused(f"{match[1]!r} is not a calendar date; {HOW_TO_WRITE}") from None
    return ",".join(map(str, days))
