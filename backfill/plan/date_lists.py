"""Dates that are no single range, as people write them: `2021-11-01..2021-11-05, 2021-11-09`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from datetime import date, timedelta

from backfill.errors import Refused
from validation.season import dates_between

MOST_DATES = 20 * 366  # of as many seasons as a backfill may span
HOW_TO_WRITE = "write dates as 2021-11-22, and ranges as 2021-11-01..2021-11-30"
TOO_MANY = f"these are more than {MOST_DATES:,} dates; start several jobs"
DAY = timedelta(days=1)
# Between two dates: dots, the word, or a dash of any length with blanks around it.
RANGE_SIGN = re.compile(r"\s*\.\.+\s*|\s+to\s+|\s+[-\u2013\u2014]\s+", re.IGNORECASE)
SEPARATORS = re.compile(r"[\s,;]+")


def parse_dates(text: str) -> tuple[date, ...]:
    """The dates of a text, each once, the first one first: ISO dates and ranges of them, with
    blanks, commas, semicolons
    or new lines between. An empty text has none. Raises Refused with the piece that is wrong.
    """
    found: set[date] = set()
    for piece in SEPARATORS.split(RANGE_SIGN.sub("..", text.strip())):
        if piece:
            found |= _days(piece)
        if len(found) > MOST_DATES:
            raise Refused(TOO_MANY)
    return tuple(sorted(found))


def format_dates(dates: Collection[date]) -> str:
    """Dates as `parse_dates` reads them, as short as can be: days that follow each other are a
    range.
    """
    return ", ".join(
        str(first) if first == last else f"{first}..{last}"
        for first, last in _stretches(sorted(set(dates)))
    )


def without(dates: Collection[date], excluded: Collection[date]) -> tuple[date, ...]:
    """Dates without those excluded. Raises Refused when none is left, and for an exclusion that
    excludes nothing.
    """
    left = set(dates) - set(excluded)
    if excluded and len(left) == len(set(dates)):
        raise Refused(f"nothing is excluded: none of {format_dates(excluded)} is among the dates")
    if not left:
        raise Refused("all dates are excluded, so there is nothing left to backfill")
    return tuple(sorted(left))


def _days(piece: str) -> set[date]:
    """The dates of a piece: a date, or a range."""
    words = piece.split("..")
    if len(words) > 2:
        raise Refused(
            f"{piece!r} is no range; write its first and its last date, for example 2021-11-01..2021-11-30"
        )
    first, last = _date(words[0], piece), _date(words[-1], piece)
    if last < first:
        raise Refused(f"{piece!r} ends before it starts")
    if (last - first).days >= MOST_DATES:  # before they are all made
        raise Refused(TOO_MANY)
    return set(dates_between(first, last))


def _date(word: str, piece: str) -> date:
    hint = f" in {piece!r}" if word != piece else ""
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", word, re.ASCII):
        what = f"{word!r}{hint} is not a date" if word else f"{piece!r} lacks one of its two dates"
        raise Refused(f"{what}; {HOW_TO_WRITE}")
    try:
        return date.fromisoformat(word)
    except ValueError:
        raise Refused(f"{word!r}{hint} is a day that no calendar has") from None


def _stretches(dates: Collection[date]) -> Iterator[tuple[date, date]]:
    """Days that follow each other without a gap, as the first and the last of each stretch."""
    days = list(dates)
    starts = [day for n, day in enumerate(days) if n == 0 or days[n - 1] != day - DAY]
    ends = [day for n, day in enumerate(days) if n + 1 == len(days) or days[n + 1] != day + DAY]
    yield from zip(starts, ends, strict=True)
