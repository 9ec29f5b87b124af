"""Failure rates of a season as points: by date and by season week, beside what must fail and what
the runbook expects.
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


@dataclass(frozen=True)
class Point:
    """The rate of one date, or of the dates of one season week together: from `first` to `last`.

    `population` and `failed` are of the run that counts, None where there is none; `must_fail` of
    `entities` is what the
    games played imply, None where the season was never judged. Rates are fractions. `band` is the
    runbook's, for PSZA
    alone; of a week, what it makes of the entities of all its dates. `unexplained` counts those of
    judged runs, `not_judged` the
    failures of the others; `bugs` are failures that nobody may have, those that an impossible
    source row explains included.
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
    not_judged: int = 0

    @property
    def rate(self) -> float | None:
        """Failed of all; None without anybody."""
        return (
            self.failed / self.population if self.population and self.failed is not None else None
        )

    @property
    def expected_rate(self) -> float | None:
        """How many must fail of all; None without anybody."""
        return (
            self.must_fail / self.entities if self.entities and self.must_fail is not None else None
        )

    @property
    def low(self) -> float | None:
        """The band's lower end."""
        return self.band.low if self.band else None

    @property
    def high(self) -> float | None:
        """The band's upper end."""
        return self.band.high if self.band else None

    @property
    def reading(self) -> Reading | None:
        """Where the rate lies and what to make of it; None where nothing was run."""
        if self.failed is None or self.population is None:
            return None
        return reading(self.failed, self.population, self.band, self.unexplained)

    @property
    def verdict(self) -> str:
        """Inside, above, below, or too few to tell; empty where nothing was run."""
        return str(self.reading.verdict) if self.reading else ""


def rates_of(year: int) -> dict[str, list[Point]]:
    """Of each processor a point for every processing date without bootstrap; two queries, whatever
    their number.
    """
    days = [day for day in load_calendar().season(year) if day.is_computed]
    runs, verdicts = latest_runs(days), audit_summaries(year)
    return {
        code: [
            _point(day, code, runs.get((code, day.day)), verdicts.get((code, day.day)))
            for day in days
        ]
        for code in CHAIN
    }


def _point(day: Day, code: str, run: LatestRun | None, verdict: AuditSummary | None) -> Point:
    done = run if run and run.status == Run.Status.COMPLETE and run.population is not None else None
    judged = verdict if done and verdict and verdict.run_id == done.run_id else None
    # Failures that only changed inputs have made unexplained say nothing of the run.
    held = judged if judged and not judged.changed else None
    index, failed = day.index or 0, sum(done.failures.values()) if done else None
    return Point(
        day.day,
        day.day,
        index,
        day.week or 1,
        done.population if done else None,
        failed,
        verdict.population if verdict else None,
        verdict.failed if verdict else None,
        (held.unexplained or 0) if held else 0,
        band(code, index),
        explained_bugs(done.failures, judged.expected) if done and judged else 0,
        0 if judged else failed or 0,
    )


def by_week(points: Iterable[Point]) -> list[Point]:
    """One processor's points of each season week together; of what was run only, and of what must
    fail only.
    """
    return [_together(list(found)) for _, found in groupby(points, key=lambda point: point.week)]


def _together(points: Sequence[Point]) -> Point:
    first, run = points[0], [p for p in points if p.population is not None]
    judged = [p for p in points if p.entities is not None]
    return Point(
        first.first, points[-1].last, first.index, first.week,
        _sum(p.population for p in run), _sum(p.failed for p in run),
        _sum(p.entities for p in judged), _sum(p.must_fail for p in judged),
        sum(p.unexplained for p in points), _mean_band(points),
        sum(p.bugs for p in points), sum(p.not_judged for p in points),
    )  # fmt: skip


def _sum(numbers: Iterable[int | None]) -> int | None:
    found = [n for n in numbers if n is not None]
    return sum(found) if found else None


def _mean_band(points: Sequence[Point]) -> Band | None:
    """A week's rate is the mean of its dates' rates, each as heavy as it has entities; so are the
    ends of its band.
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
    return Band(points[0].index, points[-1].index, low, high, found[0][0].source, because)
