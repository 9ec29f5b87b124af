"""Is a date complete? Read from the warehouse and held against the calendar and the games, not
asked of the runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from backfill.audit.load import Written
from backfill.audit.rate_history import RateHistories
from backfill.audit.season_audit import SeasonAuditInput
from backfill.models import Run
from backfill.season_calendar import load_calendar
from validation.categories import BUGS, BY_NAME
from validation.expectation import CODES, ExpectationDiff
from validation.findings.kinds import LOST_PARTITION, pluralize
from validation.findings.rates import Rated
from validation.season import Calendar, DateType, Day, season_year


class State(StrEnum):
    """What a table has of a date."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    MISSING = "missing"
    BOOTSTRAP = "bootstrap"
    NO_GAMES = "not a game date"

    @property
    def is_right(self) -> bool:
        """Complete, or rightly skipped."""
        return self not in (State.PARTIAL, State.MISSING)


@dataclass(frozen=True)
class DateValidation:
    """One table, or one processor's output, on one date. `expected` is rows in Phase 3 and entities
    in Phase 4.

    `verdict` says in words what the state rests on; `entities` has per category who failed, or what
    is wrong with whom.
    """

    day: Day
    name: str
    state: State
    rows: int = 0
    expected: int = 0
    failures: Mapping[str, int] = field(default_factory=dict)
    follows: Mapping[str, int] = field(
        default_factory=dict
    )  # missing dependencies by the failure that they come from
    verdict: str = ""
    entities: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def coverage(self) -> float | None:
        """Rows and failures of what is expected."""
        return (self.rows + sum(self.failures.values())) / self.expected if self.expected else None

    def as_json(self, *, verbose: bool) -> dict[str, Any]:
        """As one document; `verbose` also with who failed."""
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
        }
        return document | ({"entities": dict(self.entities)} if verbose else {})


def validate(start: date, end: date, phase: int) -> list[DateValidation]:
    """Every date of a range, table by table (Phase 3) or processor by processor (Phase 4). Raises
    WarehouseError.
    """
    calendar = load_calendar()
    check = _phase3 if phase == 3 else _phase4
    by_season: dict[int, list[Day]] = {}
    for day in calendar.days(start, end):
        by_season.setdefault(season_year(day.day), []).append(day)
    return [found for year, days in by_season.items() for found in check(calendar, year, days)]


def _phase3(calendar: Calendar, year: int, days: list[Day]) -> Iterator[DateValidation]:
    """Bootstrap dates too have Phase 3: later windows read them."""
    judgement = SeasonAuditInput(
        calendar, year, tuple(d.day for d in days if d.is_processing), RateHistories(calendar)
    )
    found = judgement.coverage if judgement.dates else []
    for day in days:
        if not day.is_processing:
            yield DateValidation(day, "", State.NO_GAMES, verdict=day.why_skipped)
        for c in (c for c in found if c.date == day.day):
            state = State.MISSING if c.is_missing else State.PARTIAL if c.is_low else State.COMPLETE
            yield DateValidation(
                day,
                c.table,
                state,
                c.rows,
                round(c.expected),
                verdict="" if state is State.COMPLETE else str(c),
            )


def _phase4(calendar: Calendar, year: int, days: list[Day]) -> Iterator[DateValidation]:
    dates = tuple(d.day for d in days if d.is_processing and d.type is not DateType.BOOTSTRAP)
    judgement = SeasonAuditInput(calendar, year, dates, RateHistories(calendar))
    for day in days:
        if not day.is_processing:
            yield DateValidation(day, "", State.NO_GAMES, verdict=day.why_skipped)
        elif day.type is DateType.BOOTSTRAP:
            yield DateValidation(day, "", State.BOOTSTRAP, verdict=day.why_skipped)
        else:
            yield from (_checked(judgement, day, code) for code in CODES)


def _checked(judgement: SeasonAuditInput, day: Day, code: str) -> DateValidation:
    key = code, day.day
    if key in judgement.moving:
        return DateValidation(day, code, State.PARTIAL, verdict="it is being run now")
    if (written := judgement.written.get(key)) is None:
        return DateValidation(
            day, code, State.MISSING, verdict=_why_missing(judgement.runs.get(key))
        )
    compared = judgement.compared[key]
    wrong = "; ".join(_wrong(written, compared))
    failures = Counter(written.failures.values())
    counts = {name: failures[name] for name in BY_NAME if failures[name]}
    state = State.PARTIAL if wrong else State.COMPLETE
    rated = Rated(code, day, len(written.rows), counts, len(compared.unexplained))
    bugs = sum(failures[name] for name in BUGS)
    bad = f"{pluralize(bugs, 'failure')} by a bug, or by an impossible source value" if bugs else ""
    verdict = wrong or bad or (judgement.readings(rated)[0].text if counts else "")
    follows = {str(root): n for root, n in judgement.cascade(day.day).follows.get(code, {}).items()}
    return DateValidation(
        day,
        code,
        state,
        len(written.rows),
        compared.population,
        counts,
        follows,
        verdict,
        _entities(written, compared),
    )


def _why_missing(run: Run | None) -> str:
    """What is known of a partition that is not there."""
    if run is None:
        return "it was never run"
    return (
        LOST_PARTITION.title if run.status == Run.Status.COMPLETE else f"{run.status}: {run.reason}"
    )


def _wrong(written: Written, compared: ExpectationDiff) -> Iterator[str]:
    """What speaks against a partition, in words; nothing when it is complete."""
    for n, what in (
        (len(compared.unexplained), "failed and need not have"),
        (len(compared.lost.keys() - compared.unexplained.keys()), "must have failed and did not"),
        (len(compared.unaccounted), "have neither row nor failure"),
        (len(compared.strange), "are not of the population"),
        (written.repeated, "have the key of another row"),
    ):
        if n:
            yield f"{n:,} {what}"
    if written.whole_date:
        yield f"the whole date failed: {written.whole_date}"


def _entities(written: Written, compared: ExpectationDiff) -> dict[str, tuple[str, ...]]:
    """Names by category, and by what is wrong with them."""
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
