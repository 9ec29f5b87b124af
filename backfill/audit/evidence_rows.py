"""The evidence of a Finding as rows: its own query, run as it was stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from backfill.errors import Refused
from backfill.models import Finding, Run
from backfill.plan.planning import Key
from backfill.processors.registry import CHAIN
from backfill.season_calendar import source_rows
from backfill.warehouse import warehouse
from backfill.warehouse.port import Row

MOST_ROWS = 200


@dataclass(frozen=True)
class Evidence:
    """The first rows of a query, and whether there are more."""

    rows: list[Row]
    is_cut: bool

    @property
    def columns(self) -> list[str]:
        """The names of its columns, in order."""
        return list(self.rows[0]) if self.rows else []


def evidence_of(finding: Finding) -> Evidence:
    """Run the query of a Finding. Raises Refused when it has none, WarehouseError when it cannot be
    run any more.
    """
    if not finding.query.strip():
        raise Refused(f"finding {finding.pk} has no query behind it")
    # Appended, not wrapped: an order inside a subquery is no order.
    rows = warehouse().query(f"{finding.query}\nLIMIT {MOST_ROWS + 1}")
    return Evidence(rows[:MOST_ROWS], len(rows) > MOST_ROWS)


def is_missing(finding: Finding) -> bool:
    """Whether a table that a Finding names still has no row on one of its dates. Raises
    WarehouseError.
    """
    rows, names = source_rows(finding.first, finding.last), finding.evidence.get("tables", [])
    return any(
        not rows.get((name, date.fromisoformat(day))) for name in names for day in finding.dates
    )


def runs_of(finding: Finding) -> dict[Key, Run]:
    """The run that counts of each (processor, date) that a Finding is about; of one that names no
    processor, of all.
    """
    dates, codes = set(finding.dates), finding.processors or CHAIN
    found = Run.objects.filter(processor__in=codes).newest_decisive(finding.first, finding.last)
    runs = found.order_by("date", "pk").only(
        "job_id", "processor", "date", "status", "error", "failures"
    )
    return {(run.processor, run.date): run for run in runs if str(run.date) in dates}
