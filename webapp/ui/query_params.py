"""What a query string asks for, read strictly, and the links that choose something else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, date

from backfill.errors import Refused

MAX_REASON = 2000  # characters of what somebody says why; more is refused and never cut


@dataclass(frozen=True)
class Choice:
    """One of several things to show: its words, its URL, whether it is shown now."""

    words: str
    url: str
    here: bool = False


def whole(text: str | None, name: str, default: int) -> int:
    """A whole number of the query string; the default where there is none. Raises Refused."""
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Refused(f"{name} takes a whole number, not {text!r}")
    return int(text)


def year(text: str | None, name: str = "season") -> int | None:
    """The year in which a season begins, of the query string; None where there is none. Raises
    Refused.
    """
    found = whole(text, name, 0) or None
    if found is not None and not MINYEAR < found < MAXYEAR:
        raise Refused(f"{name} takes a year such as 2021, not {found}")
    return found


def one_of(text: str, name: str, known: Iterable[str]) -> str:
    """One of the words that are known, or none. Raises Refused."""
    if text and text not in (words := list(known)):
        raise Refused(f"{text[:40]!r} is no {name}; choose from {', '.join(words)}")
    return text


def reversed_dates(start: date | None, end: date | None) -> str:
    """The sentence for dates that are the wrong way round, empty for others."""
    return f"the end {end} lies before the start {start}" if start and end and end < start else ""


def day(text: str | None, name: str) -> date | None:
    """A date of the query string, None where there is none. Raises Refused."""
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refused(f"{name} takes a date such as 2021-11-22, not {text!r}") from None


def too_long(reason: str) -> str:
    """The sentence that refuses a reason which is too long, empty for any other."""
    return (
        f"a reason has at most {MAX_REASON:,} characters, not {len(reason):,}; shorten it"
        if len(reason) > MAX_REASON
        else ""
    )
