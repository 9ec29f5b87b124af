"""What judging a season says of each (processor, date): who must fail, and how what there is holds
against it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date
from typing import NamedTuple

from backfill.audit import load
from backfill.models import AuditResult
from backfill.plan.planning import Key
from backfill.season_calendar import load_calendar
from backfill.warehouse.season_cache import cached_for_season
from backfill.warehouse.tables import INPUTS
from validation.expectation import (
    CODES,
    ROW,
    ExpectationDiff,
    SeasonGames,
    Statuses,
    compare,
    expected,
)


class ExpectedCounts(NamedTuple):
    """How many entities a processor must account for on a date, and how many of them must fail, by
    category.
    """

    population: int
    failures: Mapping[str, int]

    @property
    def failed(self) -> int:
        """How many must fail."""
        return sum(self.failures.values())


class ExpectedVsActual(NamedTuple):
    """What must become of a (processor, date), and what was written held against it where something
    was.
    """

    expected: ExpectedCounts
    comparison: ExpectationDiff | None = None


def compare_run(
    facts: SeasonGames,
    dates: Iterable[date],
    live: Collection[Key],
    written: Mapping[Key, load.Written],
) -> Iterator[tuple[Key, ExpectedVsActual]]:
    """Hold what was written against the games played, date by date; `live` was run in normal mode."""
    for day in dates:
        must = {
            mode: expected(facts, day, live=mode)
            for mode in {(code, day) in live for code in CODES}
        }
        for code in CODES:
            of_code, found = must[(code, day) in live][code], written.get((code, day))
            yield (
                (code, day),
                ExpectedVsActual(
                    _counted(of_code),
                    compare(of_code, found.rows, found.failures) if found else None,
                ),
            )


def _counted(must: Statuses) -> ExpectedCounts:
    failures = Counter(must.values())
    del failures[ROW]
    return ExpectedCounts(len(must), dict(sorted(failures.items())))


def expected_counts(year: int, *, live: bool | None = None) -> dict[Key, ExpectedCounts]:
    """Who must fail on every processing date of a season; nothing for one that is not loaded.

    As it was last judged, each date in the mode in which it ran; from Phase 3 for a season that
    never was, in backfill
    mode, and whenever `live` says which mode is meant. Phase 3 is read once per process. Raises
    WarehouseError.
    """
    rows = AuditResult.objects.filter(season=year).values_list(
        "processor", "date", "population", "expected"
    )
    judged = (
        {(code, day): ExpectedCounts(n, failures) for code, day, n, failures in rows}
        if live is None
        else {}
    )
    return judged or _from_phase3(year, live=bool(live))


def _from_phase3(year: int, *, live: bool) -> dict[Key, ExpectedCounts]:
    calendar = load_calendar()
    if year not in calendar.starts:
        return {}
    dates = [day.day for day in calendar.season(year) if day.is_computed]

    def make() -> dict[Key, ExpectedCounts]:
        facts = load.facts(calendar.starts[year])
        modes = {(code, day) for code in CODES for day in dates} if live else frozenset()
        return {key: held.expected for key, held in compare_run(facts, dates, modes, {})}

    return cached_for_season(f"expected {live}", year, INPUTS, make)
