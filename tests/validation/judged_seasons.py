"""Season of a few dates for audits; the third and fourth are neighbors with a night off between."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from validation.findings.mismatches import AuditedSeason, Key, RunFacts
from validation.processor_rules import CODES

YEAR = 2021
DATES = A, B, C, D, E, F, G = tuple(date(2021, 11, day) for day in (2, 3, 4, 6, 7, 8, 9))


def make_ran(code: str, day: date, **given: Any) -> RunFacts:
    """Make a complete run, unless `given` overrides it."""
    return RunFacts(processor=code, day=day, **{"succeeded": True, **given})


def failed(code: str, day: date, reason: str = "", **given: Any) -> RunFacts:
    return make_ran(code, day, succeeded=False, reason=reason, **given)


def blocked(code: str, day: date) -> RunFacts:
    return failed(code, day, "blocked: its upstream failed", is_blocked=True)


def all_of(*days: date, codes: Iterable[str] = CODES) -> list[RunFacts]:
    """Make complete runs of every processor on these dates."""
    return [make_ran(code, day) for day in days for code in codes]


def make_season(*runs: RunFacts, **given: Any) -> AuditedSeason:
    """Make the audit's input from the latest runs and other facts."""
    return AuditedSeason(year=YEAR, dates=DATES, ran={run.key: run for run in runs}, **given)


def keys(code: str, *days: date) -> list[Key]:
    return [(code, day) for day in days]
