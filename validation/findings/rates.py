"""Red flags in the failure rates of a season. Rates of expected failures are informational."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property, partial
from math import sqrt
from types import MappingProxyType

from validation.bands import (
    HIGH_RATE,
    MID_SEASON_RATE,
    MIN_ENTITIES,
    Band,
    BandPosition,
    Reading,
    all_expected,
    red_flags,
)
from validation.findings import kinds
from validation.findings.kinds import (
    FindingDraft,
    FindingKind,
    Severity,
    format_date_ranges,
    pluralize,
)
from validation.season import Day
from validation.thresholds import percent

# A rise must be large in points, in entities and against chance, so that neither a small slate nor
# a long season triggers it.
RISE_DATES, RISE_POINTS, RISE_ENTITIES, RISE_SIGMA = 7, 0.10, 10, 4.0
ALL_EXPECTED = "too few games, or an expected failure upstream"
ODD_NEIGHBOURS, ODD_POINTS, ODD_AGREE = 3, 0.25, 0.10


@dataclass(frozen=True, kw_only=True)
class Rated:
    """Failures of one (processor, date). `unexplained` counts the unexpected failures."""

    processor: str
    day: Day
    rows: int
    failures: Mapping[str, int] = field(default_factory=dict)
    unexplained: int = 0

    @cached_property
    def failed(self) -> int:
        """Number of failed entities."""
        return sum(self.failures.values())

    @property
    def population(self) -> int:
        """Number of entities with a row or a failure."""
        return self.rows + self.failed

    @property
    def rate(self) -> float:
        """Failed share of the population; 0 for an empty population."""
        return self.failed / self.population if self.population else 0.0


def flags(
    season: Sequence[Rated], missing: Mapping[date, str] = MappingProxyType({})
) -> Iterator[FindingDraft]:
    """Yield the red flags of one processor's season, whose dates are in order.

    At most two Findings per kind: dates with unexpected failures, and dates without. `missing`
    describes the missing Phase 3 rows of dates.
    """
    dates = [rated for rated in season if rated.population >= MIN_ENTITIES]
    odd = set(_odd(dates))
    for kind, indices in (
        (kinds.ODD_DATE, odd),
        (kinds.SUDDEN_RISE, set(_rises(dates)) - odd),
        (kinds.HIGH_RATE, _where(dates, partial(_meets, HIGH_RATE))),
        (kinds.MID_SEASON, _where(dates, partial(_meets, MID_SEASON_RATE))),
    ):
        flagged = [dates[n] for n in sorted(indices)]
        unexpected = [rated for rated in flagged if rated.unexplained]
        yield from _flag(kind, unexpected, _phase3_cause(kind, unexpected, missing))
        yield from _flag(kind, [rated for rated in flagged if not rated.unexplained], ALL_EXPECTED)


def _where(dates: Sequence[Rated], holds: Callable[[Rated], bool]) -> set[int]:
    return {n for n, rated in enumerate(dates) if holds(rated)}


def _meets(flag: str, rated: Rated) -> bool:
    return flag in red_flags(rated.day.index or 0, rated.failures, rated.population)


def pooled(dates: Iterable[Rated]) -> tuple[int, int]:
    """Return failed entities and population of several dates together."""
    found = list(dates)
    return sum(r.failed for r in found), sum(r.population for r in found)


def _sigma(rated: Rated, reference: float) -> float:
    """Distance of a date's failures from the reference rate, in standard deviations of chance."""
    n = rated.population
    return (rated.failed - n * reference) / sqrt(n * reference * (1 - reference) + 1)


def _rises(dates: Sequence[Rated]) -> Iterator[int]:
    """Yield dates with far more failures than the seven processed before them."""
    for n in range(RISE_DATES, len(dates)):
        failed, population = pooled(dates[n - RISE_DATES : n])
        reference, rated = failed / population, dates[n]
        more = rated.failed - rated.population * reference
        if (
            rated.rate - reference >= RISE_POINTS
            and more >= RISE_ENTITIES
            and _sigma(rated, reference) >= RISE_SIGMA
        ):
            yield n


def _odd(dates: Sequence[Rated]) -> Iterator[int]:
    """Yield dates far from the three before and the three after, which agree with each other."""
    for n, rated in enumerate(dates):
        near = [*dates[max(0, n - ODD_NEIGHBOURS) : n], *dates[n + 1 : n + 1 + ODD_NEIGHBOURS]]
        if len(near) < 2 * ODD_NEIGHBOURS:
            continue
        failed, population = pooled(near)
        reference = failed / population
        agree = all(abs(r.rate - reference) <= ODD_AGREE for r in near)
        if (
            agree
            and abs(rated.rate - reference) >= ODD_POINTS
            and abs(_sigma(rated, reference)) >= RISE_SIGMA
        ):
            yield n


def _phase3_cause(kind: FindingKind, dates: Iterable[Rated], missing: Mapping[date, str]) -> str:
    """Describe the missing Phase 3 rows of dates that differ from others."""
    if kind not in (kinds.ODD_DATE, kinds.SUDDEN_RISE):
        return ""
    named = [missing[r.day.day] for r in dates if r.day.day in missing]
    return "; ".join(named) or "no Phase 3 rows of these dates are missing; check their values"


def _flag(kind: FindingKind, dates: Sequence[Rated], cause: str) -> Iterator[FindingDraft]:
    if not dates:
        return
    worst = max(dates, key=lambda r: r.rate)
    failed, population = pooled(dates)
    unexplained = sum(r.unexplained for r in dates)
    count = pluralize(failed, "failure")
    headline = f"{count}, {unexplained:,} unexpected" if unexplained else all_expected(failed)
    yield FindingDraft(
        kind=kind,
        season=dates[0].day.season,
        subject=f"{worst.processor} {'unexplained' if unexplained else 'explained'}",
        sentence=f"{worst.processor}: {kind.title} "
        f"({format_date_ranges(r.day.day for r in dates)}); peak {percent(worst.rate)} "
        f"({worst.failed:,} of {worst.population:,}, {worst.day.day}); "
        f"{headline}",
        dates=tuple(r.day.day for r in dates),
        processors=(worst.processor,),
        count=failed,
        severity=None if unexplained else Severity.NOTE,
        cause=cause,
        numbers={
            "failed": failed,
            "population": population,
            "unexplained": unexplained,
            "worst rate": round(worst.rate, 4),
        },
    )


def out_of_band(season: Iterable[tuple[Rated, Reading]]) -> Iterator[FindingDraft]:
    """Yield one note per band and side (above, below) for rates outside it with only expected
    failures.
    """
    groups: dict[tuple[str, str], list[tuple[Rated, Reading]]] = {}
    for rated, reading in season:
        if reading.verdict in (BandPosition.ABOVE, BandPosition.BELOW) and not reading.unexplained:
            where = f"{reading.verdict} {_named(reading.band)}"
            groups.setdefault((where, rated.processor), []).append((rated, reading))
    for (where, code), found in groups.items():
        dates = [rated for rated, _ in found]
        failed, population = pooled(dates)
        low, high = (percent(f(r.rate for r in dates)) for f in (min, max))
        rates = low if low == high else f"{low} to {high}"
        yield FindingDraft(
            kind=kinds.OUT_OF_BAND,
            season=dates[0].day.season,
            subject=f"{code} {found[0][1].verdict} {_identity(found[0][1].band)}",
            sentence=f"{code}: {rates} failed on {pluralize(len(dates), 'date')}, {where} "
            f"({format_date_ranges(r.day.day for r in dates)}); "
            f"{all_expected(failed)}",
            dates=tuple(r.day.day for r in dates),
            processors=(code,),
            count=failed,
            numbers={"failed": failed, "population": population},
        )


def _identity(band: Band | None) -> str:
    """Return the band's part of a stored subject. It identifies Findings across releases: never
    reword it.
    """
    if band and band.source != "history":
        return f"the runbook's band {100 * band.low:g}-{100 * band.high:g} %"
    return "the band of the other seasons"


def _named(band: Band | None) -> str:
    """Name a band: one of other seasons differs from day to day, one of the runbook has a text."""
    return (
        "the range of other seasons"
        if band and band.source == "history"
        else f"the runbook's band {band}"
    )
