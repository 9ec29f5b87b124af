"""Entities that failed over a range of dates, with their failures by category."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from backfill.drilldown.entities import Match, all_of
from backfill.drilldown.entity_names import all_names
from backfill.drilldown.entity_statuses import OnDate
from backfill.drilldown.query import ParameterizedQuery
from backfill.processors.registry import PROCESSORS
from backfill.statements import render
from backfill.status.failure_rates import Point
from validation.categories import BY_NAME, DATE_LEVEL, NEVER_EXPECTED

EXPECTED, UNEXPECTED, NOT_AUDITED = "expected", "unexpected", "not audited"
RESULTS = (EXPECTED, UNEXPECTED, NOT_AUDITED)


@dataclass(frozen=True, kw_only=True)
class FailingEntity:
    """Entity with its number of failures by category, and its first and last date with one."""

    entity: str
    name: str
    team: str
    failures: dict[str, int]
    first: date
    last: date

    @property
    def count(self) -> int:
        """Number of failures."""
        return sum(self.failures.values())


def question(code: str, dates: Sequence[date]) -> ParameterizedQuery:
    """Return the query for the failures of a processor on these dates."""
    values = {"dates": list(dates), "processor": PROCESSORS[code].name, "whole_date": DATE_LEVEL}
    return ParameterizedQuery(render("failing-entities"), values)


def failing_entities(
    year: int, code: str, points: Iterable[Point], only: str = ""
) -> list[FailingEntity]:
    """Return the entities that failed on the dates of these points, most failures first.

    `only` is a category, or one of RESULTS. Dates without a complete run are left out. Raises
    WarehouseError.
    """
    ran = [point for point in points if point.failed]
    if only == NOT_AUDITED:
        ran = [point for point in ran if point.not_audited]
    elif only in RESULTS:
        ran = [point for point in ran if not point.not_audited]
    mixed = [p for p in ran if p.unexplained] if only in (EXPECTED, UNEXPECTED) else []
    plain = [p.first for p in ran if p not in mixed] if only != UNEXPECTED else []
    failures: defaultdict[str, Counter[str]] = defaultdict(Counter)
    dates: defaultdict[str, list[date]] = defaultdict(list)
    for row in question(code, plain).ask() if plain else ():
        if _holds(row["category"], only):
            failures[row["entity"]][row["category"]] += row["failures"]
            dates[row["entity"]] += row["first"], row["last"]
    for point in mixed:
        for entity, category in _on_date(point, code, only):
            failures[entity][category] += 1
            dates[entity].append(point.first)
    names = all_names(year)
    found = [
        FailingEntity(
            entity=entity,
            name=names[entity].name if entity in names else entity,
            team=names[entity].team if entity in names else "",
            failures=dict(sorted(counts.items())),
            first=min(dates[entity]),
            last=max(dates[entity]),
        )
        for entity, counts in failures.items()
    ]
    return sorted(found, key=lambda one: (-one.count, one.name))


def _holds(category: str, only: str) -> bool:
    if only == EXPECTED:
        return category not in NEVER_EXPECTED
    return only in ("", NOT_AUDITED, category)


def _on_date(point: Point, code: str, only: str) -> Iterable[tuple[str, str]]:
    """Yield entity and category of the expected, or of the unexpected failures of a date."""
    match = Match.EXPLAINED if only == EXPECTED else Match.UNEXPLAINED
    for entity in all_of(OnDate(point.first, code)):
        if entity.state in BY_NAME and entity.match is match:
            yield entity.name, entity.state
