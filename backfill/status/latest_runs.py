"""Latest decisive runs and audit results of a season as plain tuples, with one query each, and the
complete runs whose Phase 3 input has changed, known without an audit.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import NamedTuple

from django.db.models import Q

from backfill.models import LONG_AGO, AuditResult, Key, Run, SeasonAudit
from backfill.plan import input_signatures
from backfill.season_calendar import load_calendar
from backfill.warehouse.season_cache import stamps_of
from backfill.warehouse.tables import INPUTS
from validation.categories import BUGS, NEVER_EXPECTED
from validation.findings.kinds import format_date_ranges
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
    waiting: Mapping[str, int]

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
    def n_waiting(self) -> int:
        """Count of expected failures that wait for missing Phase 3 rows, an estimate."""
        return sum(self.waiting.values())

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


def waiting_failures(years: Iterable[int], first: date = date.min, last: date = date.max) -> int:
    """Return how many expected failures exist only because Phase 3 rows are missing, by estimate."""
    rows = AuditResult.objects.filter(season__in=[*years], date__range=(first, last))
    found = rows.exclude(waiting={}).values_list("waiting", flat=True)
    return sum(sum(waiting.values()) for waiting in found)


def audits_of(runs: Iterable[LatestRun]) -> dict[Key, AuditSummary]:
    """Return the latest audit results of a few runs."""
    numbers, found = [run.run_id for run in runs], dict[Key, AuditSummary]()
    for n in range(0, len(numbers), MOST_VALUES):
        rows = AuditResult.objects.filter(run_id__in=numbers[n : n + MOST_VALUES])
        columns = ("processor", "date", *AuditSummary._fields)
        found |= {(c, day): AuditSummary(*rest) for c, day, *rest in rows.values_list(*columns)}
    return found


# Stale input

Runs = Mapping[Key, LatestRun]
Audits = Mapping[Key, AuditSummary]


@dataclass(frozen=True)
class StaleSinceAudit:
    """Stale runs of a season that its audit does not know: Phase 3 was loaded after it."""

    keys: Collection[Key]

    @property
    def dates(self) -> list[date]:
        """Dates of these runs, in order."""
        return sorted({day for _, day in self.keys})

    @property
    def sentence(self) -> str:
        """Number of runs and their dates; empty without any."""
        if not self.keys:
            return ""
        stale = "1 run is stale" if len(self.keys) == 1 else f"{len(self.keys):,} runs are stale"
        return f"Phase 3 changed after this audit: {stale}, {format_date_ranges(self.dates)}"


NONE_STALE = StaleSinceAudit(())


def input_version(year: int) -> str:
    """Return a short text that changes with every load of a season."""
    return sha256(repr(stamps_of(year, INPUTS)).encode()).hexdigest()[:16]


def changed_inputs(year: int, runs: Runs, audits: Audits) -> dict[Key, str]:
    """Return the complete runs of a season whose input has changed, each with the change.

    A run of a version without input signatures has the result of its audit.
    """
    now = input_signatures.of_season(year) if runs else {}
    found: dict[Key, str] = {}
    for key, run in runs.items():
        if run.status != Run.Status.COMPLETE or run.input_signature == now.get(key):
            continue
        if run.input_signature and key in now:
            found[key] = input_signatures.difference(run.input_signature, now[key]).reason
        elif audit := _of_run(audits.get(key), run):
            found[key] = audit.changed
    return {key: reason for key, reason in found.items() if reason}


def since_audit(changed: Collection[Key], runs: Runs, audits: Audits) -> StaleSinceAudit:
    """Return those of the runs with changed inputs that the audit does not know as such."""
    known = (
        key for key in changed if (audit := _of_run(audits.get(key), runs[key])) and audit.changed
    )
    return StaleSinceAudit(sorted(set(changed).difference(known)))


def stale_since_audits(years: Iterable[int]) -> dict[int, StaleSinceAudit]:
    """Return the stale runs of each season that was loaded after its audit; a season that was not
    costs no query.
    """
    audited = dict(SeasonAudit.objects.filter(season__in=years).values_list("season", "inputs"))
    loaded = [year for year, inputs in audited.items() if inputs not in ("", input_version(year))]
    return {year: found for year in loaded if (found := _of_season(year)).keys}


def _of_season(year: int) -> StaleSinceAudit:
    runs, audits = latest_runs(load_calendar().season(year)), audit_summaries(year)
    return since_audit(changed_inputs(year, runs, audits), runs, audits)


def _of_run(audit: AuditSummary | None, run: LatestRun) -> AuditSummary | None:
    return audit if audit and audit.run_id == run.run_id else None
