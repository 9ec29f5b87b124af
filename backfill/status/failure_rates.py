"""Failure rates of a season by date and by season week, with the expected rate and the band of the
runbook.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from backfill.models import Run
from backfill.processors.registry import CHAIN
from backfill.season_calendar import load_calendar
from backfill.status.latest_runs import (
    AuditSummary,
    LatestRun,
    audit_summaries,
    explained_bugs,
    latest_runs,
)
from validation.bands import Band, Reading, band, reading
from validation.season import Day


@dataclass(frozen=True, kw_only=True)
class Point:
    """Failure rate of one date, or of one season week from `first` to `last`. Rates are fractions.

    `population` and `failed` are of the latest decisive run, None without one. `must_fail` of
    `entities` are expected failures, None for a season that was never audited. `band` is the
    runbook's, for PSZA alone; a week has the mean band of its dates. `unexplained` counts
    unexpected failures of audited runs, `not_audited` the failures of all others. `bugs` includes
    failures that an impossible source row caused.
    """

    first: date
    last: date
    index: int
    week: int
    population: int | None
    failed: int | None
    entities: int | None
    must_fail: int | None
    unexplained: int
    band: Band | None
    bugs: int = 0
    not_audited: int = 0

    @property
    def rate(self) -> float | None:
        """Failed entities divided by population; None for an empty population."""
        return (
            self.failed / self.population if self.population and self.failed is not None else None
        )

    @property
    def expected_rate(self) -> float | None:
        """Expected failures divided by entities; None without entities."""
        return (
            self.must_fail / self.entities if self.entities and self.must_fail is not None else None
        )

    @property
    def low(self) -> float | None:
        """Lower end of the band."""
        return self.band.low if self.band else None

    @property
    def high(self) -> float | None:
        """Upper end of the band."""
        return self.band.high if self.band else None

    @property
    def reading(self) -> Reading | None:
        """Position of the rate in the band, with its interpretation; None without a run."""
        if self.failed is None or self.population is None:
            return None
        return reading(self.failed, self.population, self.band, self.unexplained)

    @property
    def verdict(self) -> str:
        """Inside, above, below, or too few entities; empty without a run."""
        return str(self.reading.verdict) if self.reading else ""


def rates_of(year: int) -> dict[str, list[Point]]:
    """Return a point for each processor and processing date after bootstrap. Two queries in
    total.
    """
    days = [day for day in load_calendar().season(year) if day.is_computed]
    runs, audits = latest_runs(days), audit_summaries(year)
    return {
        code: [
            _point(day, code, runs.get((code, day.day)), audits.get((code, day.day)))
            for day in days
        ]
        for code in CHAIN
    }


def _point(day: Day, code: str, run: LatestRun | None, audit: AuditSummary | None) -> Point:
    done = run if run and run.status == Run.Status.COMPLETE and run.population is not None else None
    audited = audit if done and audit and audit.run_id == done.run_id else None
    # Failures that became unexpected because the input changed are not the fault of the run.
    current = audited if audited and not audited.changed else None
    index, failed = day.index or 0, sum(done.failures.values()) if done else None
    return Point(
        first=day.day,
        last=day.day,
        index=index,
        week=day.week or 1,
        population=done.population if done else None,
        failed=failed,
        entities=audit.population if audit else None,
        must_fail=audit.failed if audit else None,
        unexplained=(current.unexplained or 0) if current else 0,
        band=band(code, index),
        bugs=explained_bugs(done.failures, audited.expected) if done and audited else 0,
        not_audited=0 if audited else failed or 0,
    )


def by_week(points: Iterable[Point]) -> list[Point]:
    """Combine one processor's points by season week: rates over dates with a run, expected rates
    over audited dates.
    """
    return [_together(list(found)) for _, found in groupby(points, key=lambda point: point.week)]


def _together(points: Sequence[Point]) -> Point:
    first, run = points[0], [p for p in points if p.population is not None]
    audited = [p for p in points if p.entities is not None]
    return Point(
        first=first.first, last=points[-1].last, index=first.index, week=first.week,
        population=_sum(p.population for p in run), failed=_sum(p.failed for p in run),
        entities=_sum(p.entities for p in audited), must_fail=_sum(p.must_fail for p in audited),
        unexplained=sum(p.unexplained for p in points), band=_mean_band(points),
        bugs=sum(p.bugs for p in points), not_audited=sum(p.not_audited for p in points),
    )  # fmt: skip


def _sum(numbers: Iterable[int | None]) -> int | None:
    found = [n for n in numbers if n is not None]
    return sum(found) if found else None


def _mean_band(points: Sequence[Point]) -> Band | None:
    """Return a week's band: the mean of the bands of its dates, weighted by entities like its
    rate.
    """
    found = [(p.band, p.population or p.entities or 1) for p in points if p.band]
    if not found or len({known for known, _ in found}) == 1:
        return found[0][0] if found else None
    weight = sum(n for _, n in found)
    low, high = (
        sum(end * n for end, n in ends) / weight
        for ends in ([(b.low, n) for b, n in found], [(b.high, n) for b, n in found])
    )
    because = "; ".join(dict.fromkeys(known.because for known, _ in found))
    return Band(
        first_day=points[0].index,
        last_day=points[-1].index,
        low=low,
        high=high,
        source=found[0][0].source,
        because=because,
    )
