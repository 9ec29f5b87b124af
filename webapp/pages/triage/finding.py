"""One Finding as its page shows it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode

from backfill.audit.evidence_rows import runs_of
from backfill.models import Finding
from backfill.processors.registry import CHAIN
from backfill.status import season_grid
from backfill.status.failures import failures_with
from validation.categories import BY_NAME
from validation.findings import kinds
from validation.retry import LOST
from webapp.ui import season_grid as grids
from webapp.ui.links import to_date

# Of these a retry of the job that failed is a cure, or the first half of one.
RETRIED = {
    k.name for k in (kinds.BUG, kinds.IMPOSSIBLE_VALUE, kinds.RUN_FAILED, kinds.STILL_BLOCKED)
}
RUNS = (kinds.RUN_FAILED, kinds.STILL_BLOCKED, kinds.SLOW, kinds.OLD_SQL, kinds.HOLE)
ROWS = (kinds.LOST_PARTITION, kinds.FORWARD_CASCADE, kinds.STALE_INPUT, kinds.WRONG_CONTENT)
NAMED = dict.fromkeys((k.name for k in RUNS), "run-history") | dict.fromkeys(
    (k.name for k in ROWS), "records-per-date"
)
# What is behind these stands in Phase 3, which no named query reads.
SOURCES = (
    kinds.PHASE3_MISSING,
    kinds.LOW_COVERAGE,
    kinds.ODD_DATE,
    kinds.DUPLICATE_INPUT,
    kinds.COLUMN_JUMP,
)
UNNAMED = {k.name for k in SOURCES}


def query_url(finding: Finding) -> str:
    """The named query nearest to what is behind a Finding, over its dates; empty where there is
    none.
    """
    name = NAMED.get(finding.kind, "" if finding.kind in UNNAMED else "failure-breakdown")
    dates = urlencode({"start": str(finding.first), "end": str(finding.last)})
    return f"{reverse('query', args=[name])}?{dates}" if name else ""


@dataclass(frozen=True)
class EvidenceNumber:
    """A number of the evidence, as text; `parts` where it is several."""

    name: str
    text: str = ""
    parts: tuple[tuple[str, str], ...] = ()


def numbers(evidence: Mapping[str, Any]) -> list[EvidenceNumber]:
    """The evidence of a Finding as people read it."""
    return [_number(name, value) for name, value in evidence.items()]


def _number(name: str, value: Any) -> EvidenceNumber:
    if isinstance(value, Mapping):
        return EvidenceNumber(name, parts=tuple((key, _text(part)) for key, part in value.items()))
    if isinstance(value, list):
        return EvidenceNumber(name, parts=tuple(("", _text(part)) for part in value))
    return EvidenceNumber(name, _text(value))


def _text(value: Any) -> str:
    """Shares in percent, whole numbers by thousands."""
    if isinstance(value, float) and 0 <= value <= 1:
        return f"{100 * value:.1f} %"
    return (
        f"{value:,}"
        if isinstance(value, int | float) and not isinstance(value, bool)
        else str(value)
    )


def drawn(finding: Finding) -> grids.RenderedGrid:
    """How the dates of a Finding stand now. Raises WarehouseError."""
    cells = season_grid.season_grid(finding.season).cells
    codes = [code for code in CHAIN if code in (finding.processors or CHAIN)]
    days = [day for day in map(date.fromisoformat, finding.dates) if (codes[0], day) in cells]

    def cell_of(code: str, day: date) -> grids.GridCell:
        cell = cells[code, day]
        return grids.GridCell(code, day, cell.state, cell.title, to_date(day, code))

    return grids.draw(days, cell_of, codes, name="of")


@dataclass(frozen=True)
class FindingRetry:
    """The job of which these failures are, and where its retry begins with just these."""

    job: int
    runs: int
    url: str


def retries(finding: Finding) -> list[FindingRetry]:
    """The retries that a Finding leads to, the newest job first."""
    by_job: dict[int, list[tuple[str, date, list[str]]]] = {}
    for (code, day), whats in _whats(finding):
        by_job.setdefault(whats[0], []).append((code, day, whats[1]))
    return [_retry(job, found) for job, found in sorted(by_job.items(), reverse=True)]


def _whats(finding: Finding) -> Iterator[tuple[tuple[str, date], tuple[int, list[str]]]]:
    """Of each run that counts, its job and what is wrong with it that a retry can be about."""
    if finding.kind == kinds.LOST_PARTITION.name:
        yield from ((key, (run.job_id, [LOST])) for key, run in runs_of(finding).items())
    elif finding.kind in RETRIED:
        for key, run in runs_of(finding).items():
            if whats := [what for what in failures_with(run) if _is_about(finding, what)]:
                yield key, (run.job_id, whats)


def _is_about(finding: Finding, what: str) -> bool:
    """Bugs among entities, and of anything but a row of Phase 3 also runs that failed."""
    return BY_NAME[what].is_bug if what in BY_NAME else finding.kind != kinds.IMPOSSIBLE_VALUE.name


def _retry(job: int, found: Iterable[tuple[str, date, list[str]]]) -> FindingRetry:
    keys = list(found)
    days = [day for _, day, _ in keys]
    query: dict[str, Any] = {
        "processor": [code for code in CHAIN if any(code == c for c, _, _ in keys)],
        "category": sorted({what for _, _, whats in keys for what in whats}),
        "start": min(days), "end": max(days),
    }  # fmt: skip
    return FindingRetry(
        job, len(keys), f"{reverse('retry', args=[job])}?{urlencode(query, doseq=True)}"
    )
