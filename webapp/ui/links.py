"""URLs with query strings, for links between pages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from urllib.parse import urlencode

from django.urls import NoReverseMatch, reverse

from backfill.processors.registry import CHAIN


def with_query(path: str, **values: object) -> str:
    """Return a path with the values that are set as its query string."""
    present = {name: value for name, value in values.items() if value not in (None, "")}
    return f"{path}?{urlencode(present, safe=',:')}" if present else path


@lru_cache(maxsize=8192)  # a grid links to a thousand dates
def to_date(day: date, processor: str = "") -> str:
    """Return the URL of a date, with a processor selected."""
    return with_query(reverse("date", args=[day]), processor=processor)


@lru_cache(maxsize=8192)
def to_run(pk: int) -> str:
    """Return the URL of a run, which opens in the drawer."""
    return reverse("run", args=[pk])


def to_retry(job: int, **selection: object) -> str:
    """Return the URL of the Retry page of a job, with failures selected."""
    return with_query(reverse("retry", args=[job]), **selection)


def to_new(start: date, end: date, codes: Sequence[str] = CHAIN, what: str = "") -> str:
    """Return the URL of New backfill, filled in; `what` is the rerun policy."""
    processors = "" if tuple(codes) == CHAIN else ",".join(codes)
    return with_query(
        reverse("backfill_new"), start=start, end=end, processors=processors, what=what
    )


def to_stale(dates: Sequence[date]) -> str:
    """Return the URL of the backfill of the stale runs on these dates, which are in order."""
    return to_new(dates[0], dates[-1], what="outdated")


def named(name: str, *args: object) -> str:
    """Return a URL that contains text from data; empty if no URL matches that text."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""
