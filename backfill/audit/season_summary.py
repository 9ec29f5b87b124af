"""What is promised of every season: each failure is explained, or is on the list. In numbers, as it
was last judged.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import Count, IntegerField, Q, Sum
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from backfill.models import AuditResult, Finding, SeasonAudit
from backfill.season_calendar import season_name
from backfill.warehouse import warehouse
from backfill.warehouse.tables import SCHED
from validation.categories import PROCESSING_ERROR
from validation.findings.kinds import Severity


@dataclass(frozen=True)
class SeasonSummary:
    """A season as it was last judged: failures that Phase 3 explains, and such as it does not.

    `bugs` are those of the explained that only an impossible source row explains.
    `outside` counts entities that failed and must not, must have failed and did not, or are not
    accounted for; `listed`
    Findings above a note that nobody has settled, `notes` the others. `at` is None for a season
    that was never judged.
    """

    year: int
    at: datetime | None = None
    seconds: float = 0.0
    compared: int = 0
    explained: int = 0
    bugs: int = 0
    unexplained: int = 0
    outside: int = 0
    listed: int = 0
    notes: int = 0

    @property
    def name(self) -> str:
        """The season as people write it."""
        return season_name(self.year)

    @property
    def failures(self) -> int:
        """All that failed."""
        return self.explained + self.unexplained

    @property
    def by_games(self) -> int:
        """Those that the games played explain."""
        return self.explained - self.bugs


def season_summaries() -> list[SeasonSummary]:
    """Of every season that is loaded or was judged, the newest first; three queries, however many
    there are.
    """
    judged = {row.season: row for row in SeasonAudit.objects.all()}
    sums = {row["season"]: row for row in _verdicts()}
    lists = {row["season"]: row for row in _findings()}
    years = judged.keys() | warehouse().seasons(SCHED)
    return [
        _promise(year, judged.get(year), sums.get(year, {}), lists.get(year, {}))
        for year in sorted(years, reverse=True)
    ]


def _verdicts() -> list[dict[str, Any]]:
    names = ("explained", "unexplained", "lost", "unaccounted")
    sums = {f"n_{name}": Sum(name) for name in names}
    # What was written is bad where it must be, but for what is unexplained or lost besides.
    bad = Sum(
        Cast(KeyTextTransform(PROCESSING_ERROR.name, "expected"), IntegerField()),
        filter=Q(unexplained__isnull=False),
    )
    return [
        dict(row)
        for row in AuditResult.objects.order_by().values("season").annotate(**sums, n_bugs=bad)
    ]


def _findings() -> list[dict[str, Any]]:
    above = Count("pk", filter=Q(severity__gt=Severity.NOTE))
    found = Finding.objects.order_by().filter(state__in=Finding.LISTED).values("season")
    return [dict(row) for row in found.annotate(listed=above, n=Count("pk"))]


def _promise(
    year: int, judged: SeasonAudit | None, sums: dict[str, Any], lists: dict[str, Any]
) -> SeasonSummary:
    explained, unexplained, lost, odd = (
        sums.get(f"n_{n}") or 0 for n in ("explained", "unexplained", "lost", "unaccounted")
    )
    listed = lists.get("listed", 0)
    found = SeasonSummary(
        year,
        explained=explained,
        bugs=min(explained, sums.get("n_bugs") or 0),
        unexplained=unexplained,
        outside=unexplained + lost + odd,
        listed=listed,
        notes=lists.get("n", 0) - listed,
    )
    return (
        replace(found, at=judged.at, seconds=judged.seconds, compared=judged.compared)
        if judged
        else found
    )
