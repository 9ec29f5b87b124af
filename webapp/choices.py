"""What a query string asks for, read strictly, and the links that choose something else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from backfill.errors import Refused


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


def day(text: str | None, name: str) -> date | None:
    """A date of the query string, None where there is none. Raises Refused."""
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refused(f"{name} takes a date such as 2021-11-22, not {text!r}") from None
