"""Failure rates of a season by date and by season week, with the expected rate and the band of the
runbook, of the other seasons or of the expectation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property, reduce
from itertools import groupby
from operator import or_

from django.db.models import Q

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
from validation.bands import (
    HISTORY_DAYS,
    SOURCES,
    TOLERANCE,
    Band,
    BandPosition,
    Rate,
    RateHistory,
    Reading,
    band,
    expected_band,
    reading,
    red_flags,
)
from validation.season import Calendar, Day

ONE_YEAR = timedelta(days=365)


@dataclass(frozen=True, kw_only=True)
class Point:
    """Failure rate of one date, or of one season week from `first` to `last`. Rates are fractions.

    `population` and `failures` by category are of the latest decisive run, None and empty without
    one. `must_fail` of `entities` are expected failures of the same dates, None for a season that
    was never audited. `known_band` is the runbook's for PSZA and that of the other seasons for the
    other processors; a week has the mean band of its dates. `unexplained` counts unexpected
    failures of audited runs, `not_audited` the failures of all others. `bugs` includes failures
    that an impossible source row caused, `waiting` estimates the expected failures that exist only
    because Phase 3 rows are missing. `flags` counts the dates that meet a red flag.
    """

    first: date
    last: date
    index: int
    week: int
    population: int | None
    failures: Mapping[str, int]
    entities: int | None
    must_fail: int | None
    unexplained: int
    known_band: Band | None
    bugs: int = 0
    not_audited: int = 0
    waiting: int = 0
    dates: int = 1
    expected: Mapping[str, int] = field(default_factory=dict)
    flags: Mapping[str, int] = field(default_factory=dict)

    @property
    def failed(self) -> int | None:
        """Number of failed entities; None without a run."""
        return None if self.population is None else sum(self.failures.values())

    @cached_property
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
    def residual(self) -> float | None:
        """Actual minus expected rate; None without either."""
        rate, expected_rate = self.rate, self.expected_rate
        return None if rate is None or expected_rate is None else rate - expected_rate

    @property
    def is_off(self) -> bool:
        """Return whether actual and expected rate differ by more than the tolerance."""
        return self.residual is not None and abs(self.residual) > TOLERANCE

    @cached_property
    def band(self) -> Band | None:
        """Band of the runbook or of the other seasons, else of the exact expectation, if any."""
        if self.known_band or self.expected_rate is None:
            return self.known_band
        return expected_band(self.expected_rate, self.index)

    @property
    def low(self) -> float | None:
        """Lower end of the band."""
        return self.band.low if self.band else None

    @property
    def high(self) -> float | None:
        """Upper end of the band."""
        return self.band.high if self.band else None

    @cached_property
    def reading(self) -> Reading | None:
        """Position of the rate in the band, with its interpretation; None without a run."""
        if self.failed is None or self.population is None:
            return None
        return reading(self.failed, self.population, self.band, self.unexplained)

    @property
    def all_expected(self) -> bool:
        """Return whether the point has failures, and all are expected."""
        others = self.unexplained or self.bugs or self.not_audited or self.waiting
        return bool(self.failed) and not others

    @cached_property
    def position(self) -> str:
        """Position in the band: inside, above, below or no band; empty without a run."""
        return str(self.reading.verdict) if self.reading else ""

    @cached_property
    def verdict(self) -> str:
        """Position in the named band, such as `above the runbook's band, all expected`."""
        found, known = self.reading, self.band
        if not found or not known or found.verdict is BandPosition.NO_BAND:
            return self.position
        expected = ", all expected" if self.all_expected else ""
        return f"{found.verdict} {SOURCES[known.source].rstrip(',')}{expected}"

    @property
    def flag_texts(self) -> list[str]:
        """Red flags that are met, such as `above 30 % after week 6, all expected`."""
        expected = ", all expected" if self.all_expected else ""
        return [
            f"{name}{f' on {n} of {self.dates} dates' if self.dates > 1 else ''}{expected}"
            for name, n in self.flags.items()
        ]


def rates_of(
    year: int, codes: Collection[str] = CHAIN, history: RateHistories | None = None
) -> dict[str, list[Point]]:
    """Return a point for each processor and processing date after bootstrap. Two queries in
    total, three with other seasons to compare with; `history` saves the third one.
    """
    calendar = load_calendar()
    days = [day for day in calendar.season(year) if day.is_computed]
    runs, audits = latest_runs(days), audit_summaries(year)
    history = history or RateHistories(calendar, codes=codes)
    return {
        code: [
            _point(day, runs.get((code, day.day)), audits.get((code, day.day)), known)
            for day in days
            for known in [band(code, day.index or 0) or history.band(code, year, day.index or 0)]
        ]
        for code in codes
    }


def _point(
    day: Day, run: LatestRun | None, audit: AuditSummary | None, known_band: Band | None
) -> Point:
    done = run if run and run.status == Run.Status.COMPLETE and run.population is not None else None
    audited = audit if done and audit and audit.run_id == done.run_id else None
    if audited and audited.is_output_lost:
        done = audited = None
    # Failures that became unexpected because the input changed are not the fault of the run.
    current = audited if audited and not audited.changed else None
    index, failures = day.index or 0, dict(done.failures) if done else {}
    return Point(
        first=day.day,
        last=day.day,
        index=index,
        week=day.week or 1,
        population=done.population if done else None,
        failures=failures,
        entities=audit.population if audit else None,
        must_fail=audit.failed if audit else None,
        expected=audit.by_category if audit else {},
        unexplained=(current.unexplained or 0) if current else 0,
        known_band=known_band,
        bugs=explained_bugs(done.failures, audited.expected) if done and audited else 0,
        not_audited=0 if audited else sum(failures.values()),
        waiting=current.n_waiting if current else 0,
        flags=dict.fromkeys(red_flags(index, failures, (done and done.population) or 0), 1),
    )


def by_week(points: Iterable[Point]) -> list[Point]:
    """Combine one processor's points by season week. Rates and expected rates are of the dates
    with a run; without any, the expected rate is of all dates.
    """
    return [together(list(found)) for _, found in groupby(points, key=lambda point: point.week)]


def together(points: Sequence[Point]) -> Point:
    """Combine points of one processor, in order and not empty."""
    first, ran = points[0], [p for p in points if p.population is not None]
    same = ran or points
    is_known = all(p.must_fail is not None for p in same)
    return Point(
        first=first.first, last=points[-1].last, index=first.index, week=first.week,
        population=sum(p.population or 0 for p in ran) if ran else None,
        failures=_counts(p.failures for p in ran),
        entities=sum(p.entities or 0 for p in same) if is_known else None,
        must_fail=sum(p.must_fail or 0 for p in same) if is_known else None,
        expected=_counts(p.expected for p in same) if is_known else {},
        unexplained=sum(p.unexplained for p in points), known_band=_mean_band(points),
        bugs=sum(p.bugs for p in points), waiting=sum(p.waiting for p in points),
        not_audited=sum(p.not_audited for p in points),
        dates=sum(p.dates for p in ran), flags=_counts(p.flags for p in points),
    )  # fmt: skip


def _counts(found: Iterable[Mapping[str, int]]) -> dict[str, int]:
    counts = Counter[str]()
    for one in found:
        for name, n in one.items():
            counts[name] += n
    return dict(counts)


def _mean_band(points: Sequence[Point]) -> Band | None:
    """Return a week's band: the mean of the bands of its dates, weighted by entities like its
    rate.
    """
    found = [(p.known_band, p.population or p.entities or 1) for p in points if p.known_band]
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


class RateHistories:
    """Failure rates of every loaded season, counted by the runs and read on demand. `days` of one
    season limit them to what the bands of these days need, `codes` to some processors.
    """

    def __init__(
        self, calendar: Calendar, days: Collection[Day] = (), codes: Collection[str] = CHAIN
    ) -> None:
        self.calendar, self.codes = calendar, codes
        self._indexes = [day.index for day in days if day.index is not None]

    @cached_property
    def _by_code(self) -> dict[str, RateHistory]:
        starts = self.calendar.starts
        if len(starts) < 2:  # no other season to compare with
            return {}
        found: dict[str, list[Rate]] = {code: [] for code in self.codes}
        runs = Run.objects.filter(self._near(), processor__in=self.codes, population__gt=0)
        # Tuples, because building ten seasons of models takes longer than the query.
        for code, day, population, failures in runs.newest_decisive(
            min(starts.values()), max(starts.values()) + ONE_YEAR
        ).values_list("processor", "date", "population", "failures"):
            if opening := starts.get(year := self.calendar.season_year(day)):
                found[code].append(
                    Rate(
                        season=year,
                        index=(day - opening).days,
                        failed=sum(failures.values()),
                        population=population or 0,
                    )
                )
        return {code: RateHistory(rates) for code, rates in found.items()}

    def _near(self) -> Q:
        """Return the condition on dates near these days, counted from each opening night."""
        if not self._indexes:
            return Q()
        first, last = min(self._indexes) - HISTORY_DAYS, max(self._indexes) + HISTORY_DAYS
        spans = (
            (opening + timedelta(first), opening + timedelta(last))
            for opening in self.calendar.starts.values()
        )
        return reduce(or_, (Q(date__range=span) for span in spans))

    def band(self, code: str, year: int, index: int) -> Band | None:
        """Return the band of the other seasons on a day."""
        history = self._by_code.get(code)
        return history.band(year, index) if history else None
