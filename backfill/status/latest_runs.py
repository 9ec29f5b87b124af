"""Latest decisive runs and audit results of a season as plain tuples, with one query each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

from django.db.models import Q

from backfill.models import LONG_AGO, AuditResult, Key, Run
from validation.categories import BUGS, NEVER_EXPECTED
from validation.season import Day

MOST_VALUES = 500  # in a list; databases limit it
COLUMNS = (
    "processor",
    "date",
    "pk",
    "job_id",
    "run_id",
    "status",
    "population",
    "rows",
    "failures",
    "sql_hash",
    "input_signature",
    "reason",
    "started_at",
    "unchanged_since",
)


class LatestRun(NamedTuple):
    """Latest decisive run of a (processor, date); names as on Run."""

    processor: str
    date: date
    pk: int
    job_id: int
    run_id: str
    status: str
    population: int | None
    rows: int | None
    failures: Mapping[str, int]
    sql_hash: str
    input_signature: str
    reason: str
    started_at: datetime | None
    unchanged_since: datetime | None = None

    @property
    def rows_age(self) -> tuple[datetime, int]:
        """Sort key by the time since which its rows are as they are."""
        return self.unchanged_since or self.started_at or LONG_AGO, self.pk

    @property
    def age(self) -> tuple[datetime, int]:
        """Sort key by time."""
        return self.started_at or LONG_AGO, self.pk


class AuditSummary(NamedTuple):
    """Audit result of a (processor, date); names as on AuditResult."""

    population: int
    expected: Mapping[str, int]
    run_id: str
    explained: int | None
    unexplained: int | None
    lost: int | None
    unaccounted: int | None
    changed: str

    @property
    def failed(self) -> int:
        """Count of expected failures. Bugs and incomplete data never are, even where Phase 3
        explains them.
        """
        return sum(self.by_category.values())

    @property
    def by_category(self) -> dict[str, int]:
        """Expected failures by category."""
        return {name: n for name, n in self.expected.items() if name not in NEVER_EXPECTED}

    @property
    def outside(self) -> int | None:
        """Count of unexpected failures, unexpected successes and unaccounted entities; None if not
        audited.
        """
        if self.unexplained is None:
            return None
        return self.unexplained + (self.lost or 0) + (self.unaccounted or 0)

    @property
    def is_output_lost(self) -> bool:
        """Return True if the audit found neither row nor failure of any entity."""
        others = self.explained, self.unexplained, self.lost
        return bool(self.population) and (*others, self.unaccounted) == (0, 0, 0, self.population)


def explained_bugs(failures: Mapping[str, int], expected: Mapping[str, int]) -> int:
    """Count the bugs that an impossible source row caused."""
    return sum(min(failures.get(bug, 0), expected.get(bug, 0)) for bug in BUGS)


def latest_runs(days: Sequence[Day], only: Q | None = None) -> dict[Key, LatestRun]:
    """Return the latest decisive run of every (processor, date) from the first to the last of
    these days, or those of them that meet a condition.
    """
    # Tuples, because building a season of models takes longer than the query.
    span = (days[0].day, days[-1].day) if days else (date.min, date.min)
    if only is None:
        found = Run.objects.newest_decisive(*span)
    else:  # only on the dates of such runs, because the newest are found by sorting
        dates = Run.objects.filter(only, date__range=span).values("date")
        found = Run.objects.filter(date__in=dates).newest_decisive(*span).filter(only)
    return {(row[0], row[1]): LatestRun(*row) for row in found.values_list(*COLUMNS)}


def audit_summaries(year: int) -> dict[Key, AuditSummary]:
    """Return the latest audit results of a season."""
    rows = AuditResult.objects.filter(season=year).values_list(
        "processor", "date", *AuditSummary._fields
    )
    return {(code, day): AuditSummary(*rest) for code, day, *rest in rows}


def audits_of(runs: Iterable[LatestRun]) -> dict[Key, AuditSummary]:
    """Return the latest audit results of a few runs."""
    numbers, found = [run.run_id for run in runs], dict[Key, AuditSummary]()
    for n in range(0, len(numbers), MOST_VALUES):
        rows = AuditResult.objects.filter(run_id__in=numbers[n : n + MOST_VALUES])
        columns = ("processor", "date", *AuditSummary._fields)
        found |= {(c, day): AuditSummary(*rest) for c, day, *rest in rows.values_list(*columns)}
    return found
