"""Date lists in text form: `2021-11-01..2021-11-05, 2021-11-09`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from datetime import date, timedelta
from functools import lru_cache

from backfill.errors import Refused
from validation.season import dates_between

MOST_DATES = 20 * 366  # the dates of the longest allowed range
HOW_TO_WRITE = "write dates as 2021-11-22, and ranges as 2021-11-01..2021-11-30"
TOO_MANY = f"a list can have at most {MOST_DATES:,} dates; start several jobs"
DAY = timedelta(days=1)
# Between two dates: dots, the word, or a dash of any length with blanks around it.
RANGE_SIGN = re.compile(r"\s*\.\.+\s*|\s+to\s+|\s+[-\u2013\u2014]\s+", re.IGNORECASE)
SEPARATORS = re.compile(r"[\s,;]+")


@lru_cache(maxsize=64)  # a step asks for its job's dates once per run
def parse_dates(text: str) -> tuple[date, ...]:
    """Return the distinct dates of a text in order; an empty text has no dates.

    The text has ISO dates and ranges, separated by blanks, commas, semicolons or line breaks.
    Raises Refused with the part that is wrong.
    """
    dates: set[date] = set()
    for piece in SEPARATORS.split(RANGE_SIGN.sub("..", text.strip())):
        if piece:
            dates |= _days(piece)
        if len(dates) > MOST_DATES:
            raise Refused(TOO_MANY)
    return tuple(sorted(dates))


def format_dates(dates: Collection[date]) -> str:
    """Format dates for `parse_dates`, with consecutive days as a range."""
    return ", ".join(
        str(first) if first == last else f"{first}..{last}"
        for first, last in _stretches(sorted(set(dates)))
    )


def without(dates: Collection[date], excluded: Collection[date]) -> tuple[date, ...]:
    """Remove excluded dates.

    Raises Refused when no date is left, and when no excluded date is in the list.
    """
    left = set(dates) - set(excluded)
    if excluded and len(left) == len(set(dates)):
        raise Refused(
            f"no excluded date is in the range: {format_dates(excluded)}; change the excluded dates"
        )
    if not left:
        raise Refused("all dates are excluded; exclude fewer dates")
    return tuple(sorted(left))


def _days(piece: str) -> set[date]:
    """Return the dates of one date or one range."""
    words = piece.split("..")
    if len(words) > 2:
        raise Refused(
            f"{piece!r} is not a range; write its first and last date, "
            "for example 2021-11-01..2021-11-30"
        )
    first, last = _date(words[0], piece), _date(words[-1], piece)
    if last < first:
        raise Refused(f"{piece!r} ends before it starts; write the earlier date first")
    if (last - first).days >= MOST_DATES:  # checked before the dates are built
        raise Refused(TOO_MANY)
    return set(dates_between(first, last))


def _date(word: str, piece: str) -> date:
    hint = f" in {piece!r}" if word != piece else ""
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", word, re.ASCII):
        problem = f"{word!r}{hint} is not a date" if word else f"{piece!r} is missing a date"
        raise Refused(f"{problem}; {HOW_TO_WRITE}")
    try:
        return date.fromisoformat(word)
    except ValueError:
        raise Refused(f"{word!r}{hint} is not a calendar date; check the day and month") from None


def _stretches(dates: Collection[date]) -> Iterator[tuple[date, date]]:
    """Yield the first and last date of each stretch of consecutive days."""
    days = list(dates)
    starts = [day for n, day in enumerate(days) if n == 0 or days[n - 1] != day - DAY]
    ends = [day for n, day in enumerate(days) if n + 1 == len(days) or days[n + 1] != day + DAY]
    yield from zip(starts, ends, strict=True)
