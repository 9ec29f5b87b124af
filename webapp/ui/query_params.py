"""Strict readers of query string parameters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, date

from backfill.errors import Refused

MAX_REASON = 2000  # characters of a reason; longer ones are refused, not cut


@dataclass(frozen=True)
class Choice:
    """Link of a switch: label, URL, and whether it is the current choice."""

    words: str
    url: str
    here: bool = False


def whole(text: str | None, name: str, default: int) -> int:
    """Return a parameter as a whole number, or the default if it is empty. Raises Refused."""
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Refused(f"{name} takes a whole number, not {text!r}")
    return int(text)


def year(text: str | None, name: str = "season") -> int | None:
    """Return the first year of a season, or None if the parameter is empty. Raises Refused."""
    found = whole(text, name, 0) or None
    if found is not None and not MINYEAR < found < MAXYEAR:
        raise Refused(f"{name} takes a year such as 2021, not {found}")
    return found


def one_of(text: str, name: str, known: Iterable[str]) -> str:
    """Return the text if it is empty or one of the known words. Raises Refused."""
    if text and text not in (words := list(known)):
        raise Refused(f"{text[:40]!r} is no {name}; choose from {', '.join(words)}")
    return text


def reversed_dates(start: date | None, end: date | None) -> str:
    """Return the error message for an end before its start; empty if the dates are in order."""
    return (
        f"the last date {end} is before the first date {start}; swap them"
        if start and end and end < start
        else ""
    )


def day(text: str | None, name: str) -> date | None:
    """Return a parameter as a date, or None if it is empty. Raises Refused."""
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refused(f"{name} takes a date such as 2021-11-22, not {text!r}") from None


def too_long(reason: str) -> str:
    """Return the error message for a reason that is too long; empty for any other."""
    return (
        f"a reason has at most {MAX_REASON:,} characters, not {len(reason):,}; shorten it"
        if len(reason) > MAX_REASON
        else ""
    )
