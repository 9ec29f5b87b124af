"""Audit results per (processor, date): expected failures, compared with the stored rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date
from typing import NamedTuple

from backfill.audit import load
from backfill.models import AuditResult, Key
from backfill.season_calendar import load_calendar
from backfill.warehouse.season_cache import cached_for_season
from backfill.warehouse.tables import INPUTS
from validation.expectation import ROW, ExpectationDiff, SeasonGames, Statuses, compare, expected
from validation.processor_rules import CODES


class ExpectedCounts(NamedTuple):
    """Population of a processor on a date, and its expected failures by category."""

    population: int
    failures: Mapping[str, int]

    @property
    def failed(self) -> int:
        """Count of expected failures."""
        return sum(self.failures.values())


class ExpectedVsActual(NamedTuple):
    """Expected counts of a (processor, date), and their comparison with the stored rows, if any."""

    expected: ExpectedCounts
    comparison: ExpectationDiff | None = None


def compare_run(
    facts: SeasonGames,
    dates: Iterable[date],
    live: Collection[Key],
    written: Mapping[Key, load.Written],
) -> Iterator[tuple[Key, ExpectedVsActual]]:
    """Compare the stored rows with the expectation, date by date; `live` are the pairs run in
    normal mode.
    """
    for day in dates:
        expectations = {
            mode: expected(facts, day, live=mode)
            for mode in {(code, day) in live for code in CODES}
        }
        for code in CODES:
            statuses, found = expectations[(code, day) in live][code], written.get((code, day))
            yield (
                (code, day),
                ExpectedVsActual(
                    _count(statuses),
                    compare(statuses, found.rows, found.failures) if found else None,
                ),
            )


def _count(statuses: Statuses) -> ExpectedCounts:
    failures = Counter(statuses.values())
    del failures[ROW]
    return ExpectedCounts(len(statuses), dict(sorted(failures.items())))


def expected_counts(year: int, *, live: bool | None = None) -> dict[Key, ExpectedCounts]:
    """Return the expected counts of every processing date of a season; empty for a season that is
    not loaded.

    Counts come from the latest audit, each date in the mode of its run. For a season never audited
    they come from Phase 3, in backfill mode; if `live` is given, in that mode. Phase 3 is cached
    per process. Raises WarehouseError.
    """
    rows = AuditResult.objects.filter(season=year).values_list(
        "processor", "date", "population", "expected"
    )
    audited = (
        {(code, day): ExpectedCounts(n, failures) for code, day, n, failures in rows}
        if live is None
        else {}
    )
    return audited or _from_phase3(year, live=bool(live))


def _from_phase3(year: int, *, live: bool) -> dict[Key, ExpectedCounts]:
    calendar = load_calendar()
    if year not in calendar.starts:
        return {}
    dates = [day.day for day in calendar.season(year) if day.is_computed]

    def make() -> dict[Key, ExpectedCounts]:
        facts = load.facts(calendar.starts[year])
        modes = {(code, day) for code in CODES for day in dates} if live else frozenset()
        return {key: result.expected for key, result in compare_run(facts, dates, modes, {})}

    return cached_for_season(f"expected {live} {' '.join(CODES)}", year, INPUTS, make)
