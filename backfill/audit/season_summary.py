"""Season summary from the latest audit: expected and unexpected failures, and open findings."""

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


@dataclass(frozen=True, kw_only=True)
class SeasonSummary:
    """Counts of a season from its latest audit.

    `explained` are expected failures, `bugs` those of them that an impossible source row caused,
    `unexplained` unexpected failures. `outside` adds unexpected successes and unaccounted
    entities; `listed` counts open problems and warnings, `notes` informational findings. `at` is
    None for a season never audited.
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
        """Display name of the season."""
        return season_name(self.year)

    @property
    def failures(self) -> int:
        """Count of all failures."""
        return self.explained + self.unexplained

    @property
    def by_games(self) -> int:
        """Expected failures caused by too few games."""
        return self.explained - self.bugs


def season_summaries() -> list[SeasonSummary]:
    """Return every loaded or audited season, newest first. Three queries in total."""
    audits = {row.season: row for row in SeasonAudit.objects.all()}
    sums = {row["season"]: row for row in _audit_counts()}
    lists = {row["season"]: row for row in _findings()}
    years = audits.keys() | warehouse().seasons(SCHED)
    return [
        _summary(year, audits.get(year), sums.get(year, {}), lists.get(year, {}))
        for year in sorted(years, reverse=True)
    ]


def _audit_counts() -> list[dict[str, Any]]:
    names = ("explained", "unexplained", "lost", "unaccounted")
    sums = {f"n_{name}": Sum(name) for name in names}
    # Expected bugs of audited runs; unexpected results are counted separately.
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
    found = Finding.objects.listed().filter(root=None).order_by().values("season")
    return [dict(row) for row in found.annotate(listed=above, n=Count("pk"))]


def _summary(
    year: int, audit: SeasonAudit | None, sums: dict[str, Any], lists: dict[str, Any]
) -> SeasonSummary:
    explained, unexplained, lost, unaccounted = (
        sums.get(f"n_{n}") or 0 for n in ("explained", "unexplained", "lost", "unaccounted")
    )
    listed = lists.get("listed", 0)
    found = SeasonSummary(
        year=year,
        explained=explained,
        bugs=min(explained, sums.get("n_bugs") or 0),
        unexplained=unexplained,
        outside=unexplained + lost + unaccounted,
        listed=listed,
        notes=lists.get("n", 0) - listed,
    )
    return (
        replace(found, at=audit.at, seconds=audit.seconds, compared=audit.compared)
        if audit
        else found
    )
