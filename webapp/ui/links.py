"""Where pages lead to each other."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from urllib.parse import urlencode

from django.urls import NoReverseMatch, reverse

from backfill.processors.registry import CHAIN


def with_query(path: str, **values: object) -> str:
    """A path with a query string of those values that are there."""
    given = {name: value for name, value in values.items() if value not in (None, "")}
    return f"{path}?{urlencode(given, safe=',:')}" if given else path


@lru_cache(maxsize=8192)  # a grid asks for a thousand of them
def to_date(day: date, processor: str = "") -> str:
    """The page of a date, at one of its processors."""
    return with_query(reverse("date", args=[day]), processor=processor)


def to_retry(job: int, **selection: object) -> str:
    """The page on which a job is retried, with a part of its failures selected."""
    return with_query(reverse("retry", args=[job]), **selection)


def to_new(start: date, end: date, codes: Sequence[str] = CHAIN, what: str = "") -> str:
    """The form of a new backfill, filled in: these dates, these processors, and the policy for what
    exists already.
    """
    processors = "" if tuple(codes) == CHAIN else ",".join(codes)
    return with_query(
        reverse("backfill_new"), start=start, end=end, processors=processors, what=what
    )


def named(name: str, *args: object) -> str:
    """A page whose URL holds text from data; empty when no URL can hold it."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""
