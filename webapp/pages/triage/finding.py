"""Finding page: evidence, affected dates and saved query."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode

from backfill.models import Finding
from backfill.processors.registry import CHAIN
from backfill.status import season_grid
from validation.findings import kinds
from webapp.ui import season_grid as grids
from webapp.ui.links import to_date

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
