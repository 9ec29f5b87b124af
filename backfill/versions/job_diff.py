"""Diff of a job: its rows and failures against those that they replaced.

Counts come from the runs, which counted their changes when they wrote; values and categories are
compared in the warehouse.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from backfill.errors import Refused
from backfill.models import Job
from backfill.processors.registry import CHAIN
from backfill.status.change_summary import ChangeCounts, ChangeSummary
from backfill.status.job_outcome import own_runs, verdicts_of
from backfill.status.latest_runs import AuditSummary
from backfill.versions.row_diff import CategoryDiff, Pair, RowDiff, compare
from validation.categories import BY_NAME
from validation.findings.kinds import pluralize

NOT_AUDITED, EXPECTED, UNEXPECTED, BUG = "not audited", "expected", "unexpected", "bug"
KEPT = "KEEP_VERSIONS_DAYS limits how long versions are kept, and their files can be deleted"


class RunChanges(NamedTuple):
    """Run of a job that replaced a version, with the counts of its changes; `rows` is None if that
    version was gone when it wrote.
    """

    pk: int
    processor: str
    date: date
    fence: int
    replaced: int
    rows: ChangeCounts | None
    failures: ChangeCounts

    @property
    def differs(self) -> bool:
        """True if a row or a failure differs."""
        return bool(self.rows and (self.rows.different or self.failures.different))

    @property
    def pair(self) -> Pair:
        """Versions before and after the run."""
        return Pair(self.processor, self.date, self.replaced, self.fence)


class FailureChange(NamedTuple):
    """Entities of a run whose failure of a category appeared or disappeared. `result` follows the
    audit of the run.
    """

    processor: str
    date: date
    category: str
    change: str
    entities: int
    result: str


@dataclass(frozen=True)
class JobDiff:
    """Runs of a job that replaced a version, by date and processor."""

    job: Job
    runs: tuple[RunChanges, ...]

    @property
    def summary(self) -> ChangeSummary:
        """Counts of all runs together."""
        counted = [run for run in self.runs if run.rows is not None]
        return ChangeSummary(
            runs=len(self.runs),
            gone=len(self.runs) - len(counted),
            rows=_sum(run.rows or ChangeCounts() for run in counted),
            failures=_sum(run.failures for run in counted),
        )

    def compare(self, *, with_entities: bool = False) -> RowDiff:
        """Compare the values and failures of the runs that differ. Raises WarehouseError, Refused."""
        return compare([run.pair for run in self.runs if run.differs], with_entities=with_entities)

    def failures(self, found: Collection[CategoryDiff]) -> list[FailureChange]:
        """Return the failures that appeared or disappeared, each with its result."""
        runs = own_runs(self.job, [run.pk for run in self.runs if run.differs])
        audits, by_key = verdicts_of(runs), {run.key: run for run in runs}
        changes = list[FailureChange]()
        for one in found:
            run = by_key[one.processor, one.date]
            changes += _failures(one, audits.get(run.run_id), run.failures)
        return changes


def job_diff(job: Job, processor: str = "", day: date | None = None) -> JobDiff:
    """Return the runs of a job that replaced a version, of one processor or date if given. Raises
    Refused for a processor or a date that the job did not run.
    """
    own = job.runs.own()
    codes = job.parsed_options.processors
    if processor and processor not in codes:
        raise Refused(f"job {job.pk} did not run {processor}; it ran {', '.join(codes)}")
    if day and not (own := own.filter(date=day)).exists():
        raise Refused(f"job {job.pk} did not run {day}; it ran {job.parsed_options.span}")
    found = own.filter(replaced__isnull=False)
    found = found.filter(processor=processor) if processor else found
    columns = ("pk", "processor", "date", "fence", "replaced", "changes")
    runs = [
        RunChanges._make((pk, code, on, fence, old or 0, *_counts(changes)))
        for pk, code, on, fence, old, changes in found.values_list(*columns)
    ]
    place = {code: n for n, code in enumerate(CHAIN)}
    return JobDiff(job, tuple(sorted(runs, key=lambda run: (run.date, place[run.processor]))))


def gone_sentence(pairs: Sequence[Pair]) -> str:
    """Return the number of runs whose versions are gone, and the reason; empty for none."""
    if not pairs:
        return ""
    return f"Versions of {pluralize(len(pairs), 'run')} are gone; {KEPT}"


def _counts(changes: Mapping[str, list[int]]) -> tuple[ChangeCounts | None, ChangeCounts]:
    if not changes:
        return None, ChangeCounts()
    return ChangeCounts(*changes["rows"]), ChangeCounts(*changes["failures"])


def _sum(counts: Iterator[ChangeCounts]) -> ChangeCounts:
    return ChangeCounts(*map(sum, zip(ChangeCounts(), *counts, strict=True)))


def _failures(
    found: CategoryDiff, audit: AuditSummary | None, failures: Mapping[str, int]
) -> Iterator[FailureChange]:
    place, category = (found.processor, found.date, found.category), found.category
    if found.appeared:
        result = _result(category, audit, failures.get(category, 0))
        yield FailureChange(*place, "appeared", found.appeared, result)
    if found.disappeared:
        is_lost = audit is not None and bool(audit.lost)
        result = NOT_AUDITED if audit is None else UNEXPECTED if is_lost else EXPECTED
        yield FailureChange(*place, "disappeared", found.disappeared, result)


def _result(category: str, audit: AuditSummary | None, failed: int) -> str:
    if category in BY_NAME and BY_NAME[category].is_bug:
        return BUG
    if audit is None:
        return NOT_AUDITED
    return EXPECTED if failed <= audit.by_category.get(category, 0) else UNEXPECTED
