"""What judging a season says of each (processor, date): who must fail, and how what there is holds against it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from django.db import transaction

from backfill.audit import load
from backfill.models import Run, Verdict
from backfill.plan.planning import Key
from backfill.season_calendar import load_calendar
from backfill.warehouse.season_cache import remembered
from backfill.warehouse.tables import INPUTS
from validation.expectation import CODES, ROW, Comparison, Facts, Statuses, compare, expected

if TYPE_CHECKING:
    from backfill.audit.season_audit import Judgement


class Expected(NamedTuple):
    """How many entities a processor must account for on a date, and how many of them must fail, by category."""

    population: int
    failures: Mapping[str, int]

    @property
    def failed(self) -> int:
        """How many must fail."""
        return sum(self.failures.values())


class Held(NamedTuple):
    """What must become of a (processor, date), and what was written held against it where something was."""

    expected: Expected
    comparison: Comparison | None = None


def hold(
    facts: Facts, dates: Iterable[date], live: Collection[Key], written: Mapping[Key, load.Written]
) -> Iterator[tuple[Key, Held]]:
    """Hold what was written against the games played, date by date; `live` was run in normal mode."""
    for day in dates:
        must = {mode: expected(facts, day, live=mode) for mode in {(code, day) in live for code in CODES}}
        for code in CODES:
            of_code, found = must[(code, day) in live][code], written.get((code, day))
            yield (code, day), Held(_counted(of_code), compare(of_code, found.rows, found.failures) if found else None)


def _counted(must: Statuses) -> Expected:
    failures = Counter(must.values())
    del failures[ROW]
    return Expected(len(must), dict(sorted(failures.items())))


def keep(judgement: Judgement, rows: Sequence[Verdict]) -> None:
    """Make what is kept of a season equal to these; of seasons that are not loaded any more, nothing is kept."""
    with transaction.atomic():
        Verdict.objects.exclude(season__in=judgement.calendar.starts).delete()
        Verdict.objects.filter(season=judgement.year).delete()
        Verdict.objects.bulk_create(rows)


def of(judgement: Judgement) -> list[Verdict]:
    """One for every (processor, processing date) of a season, whether or not it was run."""
    return [_verdict(judgement, key, held) for key, held in judgement.held.items()]


def _verdict(judgement: Judgement, key: Key, held: Held) -> Verdict:
    code, day = key
    population, failures = held.expected
    verdict = Verdict(season=judgement.year, processor=code, date=day, population=population, expected=failures)
    run, found = judgement.runs.get(key), held.comparison
    # A run that failed has written nothing: what stands there is an older one's.
    if found and run and run.status == Run.Status.COMPLETE:
        verdict.run_id = run.run_id
        verdict.explained, verdict.unexplained = found.explained, len(found.unexplained)
        verdict.lost = len(found.lost.keys() - found.unexplained.keys())
        verdict.unaccounted = len(found.unaccounted) + len(found.strange)
        verdict.changed = judgement.changes[key].reason if key in judgement.changes else ""
    return verdict


def expected_counts(year: int, *, live: bool | None = None) -> dict[Key, Expected]:
    """Who must fail on every processing date of a season; nothing for one that is not loaded.

    As it was last judged, each date in the mode in which it ran; from Phase 3 for a season that never was, in backfill
    mode, and whenever `live` says which mode is meant. Phase 3 is read once per process. Raises WarehouseError.
    """
    rows = Verdict.objects.filter(season=year).values_list("processor", "date", "population", "expected")
    judged = {(code, day): Expected(n, failures) for code, day, n, failures in rows} if live is None else {}
    return judged or _from_phase3(year, live=bool(live))


def _from_phase3(year: int, *, live: bool) -> dict[Key, Expected]:
    calendar = load_calendar()
    if year not in calendar.starts:
        return {}
    dates = [day.day for day in calendar.season(year) if day.is_computed]

    def make() -> dict[Key, Expected]:
        facts = load.facts(calendar.starts[year])
        modes = {(code, day) for code in CODES for day in dates} if live else frozenset()
        return {key: held.expected for key, held in hold(facts, dates, modes, {})}

    return remembered(f"expected {live}", year, INPUTS, make)
