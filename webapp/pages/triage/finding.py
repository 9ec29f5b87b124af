"""Finding page: evidence, affected dates, saved query and retries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode

from backfill.audit.evidence import runs_of
from backfill.models import Finding, Key, Run
from backfill.plan.rerun_policy import lost
from backfill.processors.registry import CHAIN
from backfill.status import season_grid
from backfill.status.failures import Failure, failures_of, failures_with, nothing_to_retry
from validation.categories import BY_NAME
from validation.findings import kinds
from validation.retry import LOST
from webapp.ui import season_grid as grids
from webapp.ui.links import to_date

# A retry of the failed job fixes these, or is the first step.
RETRIED = {
    k.name for k in (kinds.BUG, kinds.IMPOSSIBLE_VALUE, kinds.RUN_FAILED, kinds.STILL_BLOCKED)
}
RUNS = (kinds.RUN_FAILED, kinds.STILL_BLOCKED, kinds.SLOW, kinds.OLD_SQL, kinds.HOLE)
ROWS = (kinds.LOST_PARTITION, kinds.FORWARD_CASCADE, kinds.STALE_INPUT, kinds.WRONG_CONTENT)
NAMED = dict.fromkeys((k.name for k in RUNS), "run-history") | dict.fromkeys(
    (k.name for k in ROWS), "records-per-date"
)
# The evidence of these is in Phase 3, which no saved query reads.
SOURCES = (
    kinds.PHASE3_MISSING,
    kinds.LOW_COVERAGE,
    kinds.ODD_DATE,
    kinds.DUPLICATE_INPUT,
    kinds.COLUMN_JUMP,
)
UNNAMED = {k.name for k in SOURCES}


def query_url(finding: Finding) -> str:
    """Return the URL of the closest saved query over a finding's dates; empty without one."""
    name = NAMED.get(finding.kind, "" if finding.kind in UNNAMED else "failure-breakdown")
    dates = urlencode({"start": str(finding.first), "end": str(finding.last)})
    return f"{reverse('query', args=[name])}?{dates}" if name else ""


@dataclass(frozen=True)
class EvidenceNumber:
    """Number of the evidence as text, or several as `parts`."""

    name: str
    text: str = ""
    parts: tuple[tuple[str, str], ...] = ()


LABELS = {
    "unexplained": "unexpected failures",
    "texts": "messages",
    "rows too many": "extra rows",
    "share": "now",
    "worst rate": "peak rate",
}  # of stored evidence


def numbers(evidence: Mapping[str, Any]) -> list[EvidenceNumber]:
    """Return the evidence of a finding, formatted for display."""
    return [_number(LABELS.get(name, name), value) for name, value in evidence.items()]


def _number(name: str, value: Any) -> EvidenceNumber:
    if isinstance(value, Mapping):
        return EvidenceNumber(name, parts=tuple((key, _text(part)) for key, part in value.items()))
    if isinstance(value, list):
        return EvidenceNumber(name, parts=tuple(("", _text(part)) for part in value))
    return EvidenceNumber(name, _text(value))


def _text(value: Any) -> str:
    """Format shares as percentages and whole numbers with thousands separators."""
    if isinstance(value, float) and 0 <= value <= 1:
        return f"{100 * value:.1f} %"
    return (
        f"{value:,}"
        if isinstance(value, int | float) and not isinstance(value, bool)
        else str(value)
    )


def drawn(finding: Finding) -> grids.RenderedGrid:
    """Return the grid of a finding's dates in their current state. Raises WarehouseError."""
    cells = season_grid.season_grid(finding.season).cells
    codes = [code for code in CHAIN if code in (finding.processors or CHAIN)]
    days = [day for day in map(date.fromisoformat, finding.dates) if (codes[0], day) in cells]

    def cell_of(code: str, day: date) -> grids.GridCell:
        cell = cells[code, day]
        return grids.GridCell(
            processor=code, date=day, state=cell.state, title=cell.title, url=to_date(day, code)
        )

    return grids.draw(days, cell_of, codes, name="of")


@dataclass(frozen=True, kw_only=True)
class FindingRetry:
    """A job with failures of a finding; `url` starts a retry of only those."""

    job: int
    runs: int
    url: str
    disabled_reason: str


def retries(finding: Finding) -> list[FindingRetry]:
    """Return the retries of a finding, newest job first."""
    by_job: dict[int, list[tuple[str, date, list[str]]]] = {}
    for (code, day), (job, categories) in _failures(finding):
        by_job.setdefault(job, []).append((code, day, categories))
    classified = _classified(finding) if by_job else {}
    return [
        _retry(job, failures, classified) for job, failures in sorted(by_job.items(), reverse=True)
    ]


def _classified(finding: Finding) -> dict[tuple[Key, str], Failure]:
    """Return the current failures of a finding's dates with their retry classes. Raises
    WarehouseError.
    """
    newest = Run.objects.deciding(finding.first, finding.last)
    runs = {key: run for key, run in newest.items() if str(key[1]) in set(finding.dates)}
    return {(f.key, f.what): f for f in failures_of(runs, newest, lost(newest))}


def _failures(finding: Finding) -> Iterator[tuple[tuple[str, date], tuple[int, list[str]]]]:
    """Yield the job and the retryable failure categories of each decisive run."""
    if finding.kind == kinds.LOST_PARTITION.name:
        yield from ((key, (run.job_id, [LOST])) for key, run in runs_of(finding).items())
    elif finding.kind in RETRIED:
        for key, run in runs_of(finding).items():
            if categories := [c for c in failures_with(run) if _is_about(finding, c)]:
                yield key, (run.job_id, categories)


def _is_about(finding: Finding, category: str) -> bool:
    """Accept bugs of entities, and failed runs unless the cause is one row of Phase 3."""
    if category in BY_NAME:
        return BY_NAME[category].is_bug
    return finding.kind != kinds.IMPOSSIBLE_VALUE.name


def _retry(
    job: int,
    failures: Iterable[tuple[str, date, list[str]]],
    classified: Mapping[tuple[Key, str], Failure],
) -> FindingRetry:
    keys = list(failures)
    days = [day for _, day, _ in keys]
    query: dict[str, Any] = {
        "processor": [code for code in CHAIN if any(code == c for c, _, _ in keys)],
        "category": sorted({category for _, _, categories in keys for category in categories}),
        "start": min(days), "end": max(days),
    }  # fmt: skip
    found = [
        classified[(code, day), category]
        for code, day, categories in keys
        for category in categories
        if ((code, day), category) in classified
    ]
    return FindingRetry(
        job=job,
        runs=len(keys),
        url=f"{reverse('retry', args=[job])}?{urlencode(query, doseq=True)}",
        disabled_reason=nothing_to_retry(found),
    )
