"""Date validation: completeness from the warehouse, compared with the calendar and the games,
independent of the runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Any

from backfill.audit.load import Written
from backfill.audit.season_audit import SeasonAuditInput
from backfill.models import Run
from backfill.plan import rerun_policy
from backfill.season_calendar import load_calendar
from backfill.status.failure_rates import RateHistories
from backfill.warehouse.season_cache import of_one_version
from validation.categories import BY_NAME, count_bugs
from validation.expectation import ExpectationDiff
from validation.findings.kinds import LOST_PARTITION, pluralize
from validation.findings.rates import Rated
from validation.processor_rules import CODES
from validation.season import Calendar, DateType, Day


class State(StrEnum):
    """Completeness of a table on a date."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    MISSING = "missing"
    BOOTSTRAP = "bootstrap"
    NO_GAMES = "not a game date"

    @property
    def is_right(self) -> bool:
        """True if complete or correctly skipped."""
        return self not in (State.PARTIAL, State.MISSING)


@dataclass(frozen=True, kw_only=True)
class DateValidation:
    """Validation of a table, or of the output of a processor, on a date. `expected` counts rows in
    Phase 3 and entities in Phase 4.

    `verdict` is the reason of the state, `stale` the reason why complete output is stale;
    `entities` lists entities by failure category and by mismatch.
    """

    day: Day
    name: str
    state: State
    rows: int = 0
    expected: int = 0
    failures: Mapping[str, int] = field(default_factory=dict)
    follows: Mapping[str, int] = field(default_factory=dict)  # cascades by root cause
    verdict: str = ""
    stale: str = ""
    entities: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def coverage(self) -> float | None:
        """Rows and failures divided by the expected rows."""
        return (self.rows + sum(self.failures.values())) / self.expected if self.expected else None

    @property
    def is_unwritten(self) -> bool:
        """Return whether a processor has neither rows nor entity failures where games require
        them.
        """
        return self.name in CODES and not (self.rows or self.failures or self.state.is_right)

    def as_json(self, *, verbose: bool) -> dict[str, Any]:
        """Return the validation as a JSON document; `verbose` adds the entities."""
        share, day = self.coverage, self.day
        document = {
            "date": day.day,
            "type": day.type,
            "day": day.index,
            "what": self.name,
            "state": self.state,
            "rows": self.rows,
            "expected": self.expected,
            "coverage": None if share is None else round(share, 4),
            "failures": dict(self.failures),
            "follows": dict(self.follows),
            "verdict": self.verdict,
            "stale": self.stale,
        }
        return document | ({"entities": dict(self.entities)} if verbose else {})


def validate(start: date, end: date, phase: int) -> list[DateValidation]:
    """Validate every date of a range by table (Phase 3) or by processor (Phase 4). Raises
    WarehouseError.
    """
    of = load_calendar().season_year
    years = range(of(start), of(end) + 1)
    return of_one_version(years, lambda: _validated(start, end, phase))


def _validated(start: date, end: date, phase: int) -> list[DateValidation]:
    calendar = load_calendar()
    check = _phase3 if phase == 3 else _phase4
    by_season: dict[int, list[Day]] = {}
    for day in calendar.days(start, end):
        by_season.setdefault(day.season, []).append(day)
    return [found for year, days in by_season.items() for found in check(calendar, year, days)]


def _phase3(calendar: Calendar, year: int, days: list[Day]) -> Iterator[DateValidation]:
    """Validate Phase 3, including bootstrap dates: later windows read them."""
    audit = SeasonAuditInput(
        calendar=calendar,
        year=year,
        dates=tuple(d.day for d in days if d.is_processing),
        history=RateHistories(calendar),
    )
    found = audit.coverage if audit.dates else []
    for day in days:
        if not day.is_processing:
            yield DateValidation(day=day, name="", state=State.NO_GAMES, verdict=day.why_skipped)
        for c in (c for c in found if c.date == day.day):
            state = State.MISSING if c.is_missing else State.PARTIAL if c.is_low else State.COMPLETE
            yield DateValidation(
                day=day,
                name=c.table,
                state=state,
                rows=c.rows,
                expected=round(c.expected),
                verdict="" if state is State.COMPLETE else str(c),
            )


def _phase4(calendar: Calendar, year: int, days: list[Day]) -> Iterator[DateValidation]:
    dates = tuple(d.day for d in days if d.is_processing and d.type is not DateType.BOOTSTRAP)
    audit = SeasonAuditInput(
        calendar=calendar, year=year, dates=dates, history=RateHistories(calendar, days)
    )
    stale = rerun_policy.stale(audit.runs.values()) if dates else {}
    for day in days:
        if not day.is_processing:
            yield DateValidation(day=day, name="", state=State.NO_GAMES, verdict=day.why_skipped)
        elif day.type is DateType.BOOTSTRAP:
            yield DateValidation(day=day, name="", state=State.BOOTSTRAP, verdict=day.why_skipped)
        else:
            yield from (
                _with_stale(_checked(audit, day, c), stale.get((c, day.day))) for c in CODES
            )


def _with_stale(checked: DateValidation, reason: str | None) -> DateValidation:
    if not reason or not checked.state.is_right:
        return checked
    verdict = "; ".join(filter(None, (f"stale: {reason}", checked.verdict)))
    return replace(checked, verdict=verdict, stale=reason)


def _checked(audit: SeasonAuditInput, day: Day, code: str) -> DateValidation:
    key = code, day.day
    if key in audit.moving:
        return DateValidation(day=day, name=code, state=State.PARTIAL, verdict="running now")
    if (written := audit.written.get(key)) is None:
        return DateValidation(
            day=day, name=code, state=State.MISSING, verdict=_missing_reason(audit.runs.get(key))
        )
    compared = audit.compared[key]
    wrong = "; ".join(_mismatches(written, compared))
    failures = Counter(written.failures.values())
    counts = {name: failures[name] for name in BY_NAME if failures[name]}
    state = State.PARTIAL if wrong else State.COMPLETE
    rated = Rated(
        processor=code,
        day=day,
        rows=len(written.rows),
        failures=counts,
        unexplained=len(compared.unexplained),
    )
    bugs = count_bugs(failures)
    bad = f"{pluralize(bugs, 'bug')}, in code or in source values" if bugs else ""
    verdict = wrong or bad or (audit.readings(rated)[0].text if counts else "")
    follows = {str(root): n for root, n in audit.cascade(day.day).follows.get(code, {}).items()}
    return DateValidation(
        day=day,
        name=code,
        state=state,
        rows=len(written.rows),
        expected=compared.population,
        failures=counts,
        follows=follows,
        verdict=verdict,
        entities=_entities(written, compared),
    )


def _missing_reason(run: Run | None) -> str:
    """Return the reason of a missing partition."""
    if run is None:
        return "never run"
    return (
        LOST_PARTITION.title if run.status == Run.Status.COMPLETE else f"{run.status}: {run.reason}"
    )


def _mismatches(written: Written, compared: ExpectationDiff) -> Iterator[str]:
    """Yield the mismatches of a partition; none if it is complete."""
    successes = len(compared.lost.keys() - compared.unexplained.keys())
    for n, one, many in (
        (len(compared.unexplained), "unexpected failure", "unexpected failures"),
        (successes, "unexpected success", "unexpected successes"),
        (len(compared.unaccounted), "unaccounted", "unaccounted"),
        (len(compared.strange), "outside the population", "outside the population"),
        (written.repeated, "duplicate key", "duplicate keys"),
    ):
        if n:
            yield f"{n:,} {one if n == 1 else many}"
    if written.whole_date:
        yield f"whole date failed: {written.whole_date}"


def _entities(written: Written, compared: ExpectationDiff) -> dict[str, tuple[str, ...]]:
    """Return entities by failure category and by mismatch."""
    found: dict[str, list[str]] = {}
    for entity, category in written.failures.items():
        found.setdefault(category, []).append(entity)
    found |= {
        "unexplained": list(compared.unexplained),
        "lost": list(compared.lost),
        "unaccounted": list(compared.unaccounted),
        "strange": list(compared.strange),
    }
    return {name: tuple(sorted(entities)) for name, entities in found.items() if entities}
