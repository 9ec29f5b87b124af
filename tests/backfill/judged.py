"""A season judged as the product does: what must become of everybody, held against what the
warehouse holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from backfill.audit import load
from backfill.plan.planning import Key
from validation.expectation import ExpectationDiff, compare, expected


def judged(
    season_start: date, dates: Sequence[date]
) -> Iterator[tuple[Key, ExpectationDiff, load.Written]]:
    """Every (processor, date) with what was found there; nothing that must be there is left out."""
    facts = load.facts(season_start)
    load.stage(dates)
    written = load.written(dates)
    for day in dates:
        for code, must in expected(facts, day).items():
            found = written[code, day]
            yield (code, day), compare(must, found.rows, found.failures), found


def assert_explained(season_start: date, dates: Sequence[date]) -> dict[Key, tuple[int, int]]:
    """Everything is as it must be, and everybody is counted once; returns rows and failures of each
    (processor, date).
    """
    counts = {}
    for key, comparison, found in judged(season_start, dates):
        assert comparison == ExpectationDiff(
            len(found.rows) + len(found.failures), len(found.failures)
        ), key
        assert (found.repeated, found.whole_date) == (0, ""), key
        counts[key] = len(found.rows), len(found.failures)
    return counts
