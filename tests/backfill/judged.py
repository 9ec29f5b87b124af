"""Audit of a season with the product's code: expected failures compared with stored rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from backfill.audit import load
from backfill.models import Key
from validation.expectation import ExpectationDiff, compare, expected


def judged(
    season_start: date, dates: Sequence[date]
) -> Iterator[tuple[Key, ExpectationDiff, load.Written]]:
    """Yield (key, comparison, stored rows) of every expected (processor, date)."""
    facts = load.facts(season_start)
    load.stage(dates)
    written = load.written(dates)
    for day in dates:
        for code, must in expected(facts, day).items():
            found = written[code, day]
            yield (code, day), compare(must, found.rows, found.failures), found


def assert_explained(season_start: date, dates: Sequence[date]) -> dict[Key, tuple[int, int]]:
    """Assert that all failures are expected and each entity is counted once.

    Returns rows and failures of each (processor, date).
    """
    counts = {}
    for key, comparison, found in judged(season_start, dates):
        assert comparison == ExpectationDiff(
            population=len(found.rows) + len(found.failures), explained=len(found.failures)
        ), key
        assert (found.repeated, found.whole_date) == (0, ""), key
        counts[key] = len(found.rows), len(found.failures)
    return counts
