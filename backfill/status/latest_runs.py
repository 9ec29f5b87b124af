"""The runs that count and the verdicts on them, as far as a season's overview needs them: plain
tuples, a query each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

from backfill.models import AuditResult, Run
from backfill.models.run import LONG_AGO
from backfill.plan.planning import Key
from validation.categories import BUGS
from validation.season import Day

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
)


class LatestRun(NamedTuple):
    """The run that counts of a (processor, date), as far as an overview tells of it; names as on
    the Run.
    """

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

    @property
    def age(self) -> tuple[datetime, int]:
        """What orders runs in time."""
        return self.started_at or LONG_AGO, self.pk


class AuditSummary(NamedTuple):
    """The verdict on a (processor, date), as far as an overview tells of it; names as on the
    Verdict.
    """

    population: int
    expected: Mapping[str, int]
    run_id: str
    unexplained: int | None
    lost: int | None
    unaccounted: int | None
    changed: str

    @property
    def failed(self) -> int:
        """How many must fail."""
        return sum(self.expected.values())

    @property
    def outside(self) -> int | None:
        """How many are not as they must be; None where nothing was judged."""
        if self.unexplained is None:
            return None
        return self.unexplained + (self.lost or 0) + (self.unaccounted or 0)


def explained_bugs(failures: Mapping[str, int], expected: Mapping[str, int]) -> int:
    """How many failures are as they must be, and bugs all the same: an impossible source row
    explains them.
    """
    return sum(min(failures.get(bug, 0), expected.get(bug, 0)) for bug in BUGS)


def latest_runs(days: Sequence[Day]) -> dict[Key, LatestRun]:
    """The run that counts of every (processor, date) between the first and the last of these."""
    # Not as models, of which a season's worth takes longer than the query.
    found = Run.objects.newest_decisive(days[0].day, days[-1].day) if days else Run.objects.none()
    return {(row[0], row[1]): LatestRun(*row) for row in found.values_list(*COLUMNS)}


def audit_summaries(year: int) -> dict[Key, AuditSummary]:
    """What the last judgement of a season says of every (processor, date)."""
    rows = AuditResult.objects.filter(season=year).values_list(
        "processor", "date", *AuditSummary._fields
    )
    return {(code, day): AuditSummary(*rest) for code, day, *rest in rows}
