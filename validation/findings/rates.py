"""Failure rates of a season, date by date: which of them want a look. A rate whose failures are all
explained does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from math import sqrt
from types import MappingProxyType

from validation.bands import MIN_ENTITIES, Band, BandPosition, Reading
from validation.categories import INSUFFICIENT_DATA
from validation.findings import kinds
from validation.findings.kinds import FindingDraft, FindingKind, Severity, format_date_ranges
from validation.season import Day, season_year
from validation.thresholds import (
    HIGH_RATE_DAY,
    HIGH_RATE_SHARE,
    MID_SEASON_DAY,
    MID_SEASON_SHARE,
    percent,
)

# A rise has to be large in points, in entities and against chance, so that neither a small slate
# nor a long season fires.
RISE_DATES, RISE_POINTS, RISE_ENTITIES, RISE_SIGMA = 7, 0.10, 10, 4.0
EXPLAINED = "every one of them follows from the games played"
ODD_NEIGHBOURS, ODD_POINTS, ODD_AGREE = 3, 0.25, 0.10


@dataclass(frozen=True)
class Rated:
    """The failures of one (processor, date). `unexplained` are those that the expectation does not
    have.
    """

    processor: str
    day: Day
    rows: int
    failures: Mapping[str, int] = field(default_factory=dict)
    unexplained: int = 0

    @property
    def failed(self) -> int:
        """Entities that failed."""
        return sum(self.failures.values())

    @property
    def population(self) -> int:
        """Entities with a row or a failure."""
        return self.rows + self.failed

    @property
    def rate(self) -> float:
        """Failed of all; 0 where there is nobody."""
        return self.failed / self.population if self.population else 0.0


def flags(
    season: Sequence[Rated], lacking: Mapping[date, str] = MappingProxyType({})
) -> Iterator[FindingDraft]:
    """The red flags of one processor's season, its dates in order. At most two Findings a kind:
    explained, and not.

    `lacking` says of dates what of their Phase 3 is missing.
    """
    dates = [rated for rated in season if rated.population >= MIN_ENTITIES]
    odd = set(_odd(dates))
    for kind, indices in (
        (kinds.ODD_DATE, odd),
        (kinds.SUDDEN_RISE, set(_rises(dates)) - odd),
        (kinds.HIGH_RATE, _where(dates, _is_high)),
        (kinds.MID_SEASON, _where(dates, _has_few_in_mid_season)),
    ):
        found = [dates[n] for n in sorted(indices)]
        unexplained = [rated for rated in found if rated.unexplained]
        yield from _flag(kind, unexplained, _why(kind, unexplained, lacking))
        yield from _flag(kind, [rated for rated in found if not rated.unexplained], EXPLAINED)


def _where(dates: Sequence[Rated], holds: Callable[[Rated], bool]) -> set[int]:
    return {n for n, rated in enumerate(dates) if holds(rated)}


def _is_high(rated: Rated) -> bool:
    return (rated.day.index or 0) > HIGH_RATE_DAY and rated.rate > HIGH_RATE_SHARE


def _has_few_in_mid_season(rated: Rated) -> bool:
    few = rated.failures.get(INSUFFICIENT_DATA.name, 0)
    return (rated.day.index or 0) >= MID_SEASON_DAY and few > MID_SEASON_SHARE * rated.population


def pooled(dates: Iterable[Rated]) -> tuple[int, int]:
    """Failed entities and population of several dates together."""
    found = list(dates)
    return sum(r.failed for r in found), sum(r.population for r in found)


def _sigma(rated: Rated, reference: float) -> float:
    """How far the date's failures are from what the reference implies, in standard deviations of
    chance.
    """
    n = rated.population
    return (rated.failed - n * reference) / sqrt(n * reference * (1 - reference) + 1)


def _rises(dates: Sequence[Rated]) -> Iterator[int]:
    """Dates on which far more failed than on the seven processed before them."""
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
    """Dates far off the three before and the three after, which agree among themselves."""
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


def _why(kind: FindingKind, dates: Iterable[Rated], lacking: Mapping[date, str]) -> str:
    """What is missing of Phase 3 on dates that differ from others; that nothing is says something
    too.
    """
    if kind not in (kinds.ODD_DATE, kinds.SUDDEN_RISE):
        return ""
    named = [lacking[r.day.day] for r in dates if r.day.day in lacking]
    return (
        "; ".join(named)
        or "none of Phase 3's rows of these dates is missing, so look at what was written"
    )


def _flag(kind: FindingKind, dates: Sequence[Rated], cause: str) -> Iterator[FindingDraft]:
    if not dates:
        return
    worst = max(dates, key=lambda r: r.rate)
    failed, population = pooled(dates)
    unexplained = sum(r.unexplained for r in dates)
    explained = not unexplained
    how = "all of them explained" if explained else f"{unexplained:,} of them unexplained"
    yield FindingDraft(
        kind=kind,
        season=season_year(dates[0].day.day),
        subject=f"{worst.processor} {'explained' if explained else 'unexplained'}",
        sentence=f"{worst.processor}: {kind.title} ({format_date_ranges(r.day.day for r in dates)}); at most {percent(worst.rate)} "
        f"({worst.failed:,} of {worst.population:,}, {worst.day.day}); {failed:,} failures, {how}",
        dates=tuple(r.day.day for r in dates),
        processors=(worst.processor,),
        count=failed,
        severity=Severity.NOTE if explained else None,
        cause=cause,
        numbers={
            "failed": failed,
            "population": population,
            "unexplained": unexplained,
            "worst rate": round(worst.rate, 4),
        },
    )


def out_of_band(season: Iterable[tuple[Rated, Reading]]) -> Iterator[FindingDraft]:
    """Rates outside their band although every failure is explained: one note per band, and whether
    above or below.
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
        yield FindingDraft(
            kind=kinds.OUT_OF_BAND,
            season=season_year(dates[0].day.day),
            subject=f"{code} {where}",
            sentence=f"{code}: {low} to {high} failed on {len(dates)} dates, {where} ({format_date_ranges(r.day.day for r in dates)}); "
            f"every failure is explained",
            dates=tuple(r.day.day for r in dates),
            processors=(code,),
            count=failed,
            numbers={"failed": failed, "population": population},
        )


def _named(band: Band | None) -> str:
    """A band of the other seasons differs from day to day; one of the runbook holds for many."""
    return (
        "the band of the other seasons"
        if band and band.source == "history"
        else f"the runbook's band {band}"
    )
