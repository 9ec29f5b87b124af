"""Bands of usual failure rates by day index, and the position of an observed rate."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import zip_longest
from math import sqrt
from statistics import NormalDist

from validation.categories import INSUFFICIENT_DATA
from validation.findings.kinds import pluralize
from validation.processor_rules import PSZA
from validation.thresholds import (
    HIGH_RATE_DAY,
    HIGH_RATE_SHARE,
    MID_SEASON_DAY,
    MID_SEASON_SHARE,
    percent,
    tenths_of_percent,
)

# At 20 entities, one entity is five points: the width of the narrowest band of the runbook.
MIN_ENTITIES = 20
# Three days on each side make a week: about three games per team, on any weekday of opening night.
HISTORY_DAYS = 3
# Of actual minus expected: the expectation is exact for the input that a run read, and a late
# correction of Phase 3 moves a rate by less than one point.
TOLERANCE = 0.01
SOURCES = {
    "runbook": "the runbook's band",
    "history": "the range of other seasons,",
    "expectation": "the expected range",
}
HIGH_RATE = f"above {percent(HIGH_RATE_SHARE)} after week {HIGH_RATE_DAY // 7}"
MID_SEASON_RATE = f"above {percent(MID_SEASON_SHARE)} in mid-season"
Z = NormalDist().inv_cdf(0.975)  # both ends of 95 %


def _observed(failed: int, population: int) -> str:
    return f"{percent(failed / population)} ({failed:,} of {population:,})"


@dataclass(frozen=True, kw_only=True)
class Band:
    """Usual failure rates, as fractions, from `first_day` to `last_day`, both included.

    `last_day` None is the end of the season.
    """

    first_day: int
    last_day: int | None
    low: float
    high: float
    source: str
    because: str

    def holds(self, index: int) -> bool:
        """Return whether a day index is in the band's days."""
        return self.first_day <= index and (self.last_day is None or index <= self.last_day)

    def __str__(self) -> str:
        low, high = percent(self.low), percent(self.high)
        return high if low == high else f"{low.removesuffix(' %')}–{high}"


def _row(first_day: int, last_day: int | None, low: float, high: float, because: str) -> Band:
    return Band(
        first_day=first_day,
        last_day=last_day,
        low=low,
        high=high,
        source="runbook",
        because=because,
    )


# Only PSZA has a band of the runbook, because no table fits the rates of the others. TDZA drops from all teams to
# none within days, as each team plays its fifteenth game. PCF fails only on bad context rows, so
# its rate is usually 0. PDC and ML follow PSZA, but for the players of one night, who differ from
# slate to slate.
RUNBOOK: Mapping[str, tuple[Band, ...]] = {
    PSZA: (
        _row(
            0,
            14,
            0.90,
            1.00,
            "no team has played the ten games that PSZA needs; bootstrap except for the last day",
        ),
        _row(
            15,
            21,
            0.60,
            0.75,
            "the first teams play their tenth game; only players who missed no game have ten",
        ),
        _row(
            22,
            28,
            0.40,
            0.50,
            "every team reaches its tenth game; players who missed a few games have fewer than ten",
        ),
        _row(
            29,
            35,
            0.30,
            0.40,
            "teams have played about fifteen games; players who missed a third have fewer than ten",
        ),
        _row(
            36,
            None,
            0.25,
            0.30,
            "teams have played more than fifteen games; injured and rarely used players have fewer "
            "than ten",
        ),
        _row(
            60,
            None,
            0.15,
            0.20,
            "teams have played more than 25 games; only call-ups and returning players have fewer "
            "than ten",
        ),
    ),
}


def in_order(processor: str) -> list[tuple[str, Band]]:
    """Return the days and band of each row; a band ends where a later, narrower one begins."""
    found = RUNBOOK.get(processor, ())
    return [(_days(band, later), band) for band, later in zip_longest(found, found[1:])]


def _days(band: Band, later: Band | None) -> str:
    last = later.first_day - 1 if later else band.last_day
    return f"{band.first_day} and later" if last is None else f"{band.first_day} to {last}"


def band(processor: str, index: int) -> Band | None:
    """Return the runbook's band of a day; of overlapping bands the later, narrower one."""
    return next((row for row in reversed(RUNBOOK.get(processor, ())) if row.holds(index)), None)


def expected_band(rate: float, index: int) -> Band:
    """Return the band of a day without runbook and without other seasons: the exact expectation,
    with its tolerance.
    """
    return Band(
        first_day=index,
        last_day=index,
        low=max(0.0, rate - TOLERANCE),
        high=min(1.0, rate + TOLERANCE),
        source="expectation",
        because=f"{percent(rate)} expected from the games played",
    )


def red_flags(index: int, failures: Mapping[str, int], population: int) -> tuple[str, ...]:
    """Return the red flags of the runbook that the failures of a day meet, expected or not."""
    if population < MIN_ENTITIES:
        return ()
    few, failed = failures.get(INSUFFICIENT_DATA.name, 0), sum(failures.values())
    met = {
        HIGH_RATE: index > HIGH_RATE_DAY and failed > HIGH_RATE_SHARE * population,
        MID_SEASON_RATE: index >= MID_SEASON_DAY and few > MID_SEASON_SHARE * population,
    }
    return tuple(name for name, is_met in met.items() if is_met)


@dataclass(frozen=True, kw_only=True)
class Rate:
    """Result of one processor on one day of a season; `population` is failed plus written."""

    season: int
    index: int
    failed: int
    population: int


def _wilson(failed: int, population: int) -> tuple[float, float]:
    """Return the 95 % Wilson score interval, which stays inside 0..1 and has a width even without
    failures.
    """
    rate, square = failed / population, Z * Z
    center = failed + square / 2
    spread = Z * sqrt(population * rate * (1 - rate) + square / 4)
    low, high = ((center + sign * spread) / (population + square) for sign in (-1, 1))
    # The last bits of a float must not put a rate of 0 or 1 outside its own interval.
    return max(0.0, min(low, rate)), min(1.0, max(high, rate))


class RateHistory:
    """Rates of one processor in every season, prepared once for many days.

    The days of a window repeat mostly the same entities, so an interval is narrower than its
    nominal 95 %. The width of a band comes from the difference between seasons; a single other
    season gives a narrow band.
    """

    def __init__(self, rates: Iterable[Rate]) -> None:
        sums: defaultdict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0])
        for rate in rates:
            for index in range(rate.index - HISTORY_DAYS, rate.index + HISTORY_DAYS + 1):
                pool = sums[index, rate.season]
                pool[0] += rate.failed
                pool[1] += rate.population
        self._seasons: defaultdict[int, dict[int, tuple[float, float, str]]] = defaultdict(dict)
        for (index, season), (failed, population) in sorted(sums.items()):
            if population >= MIN_ENTITIES:
                text = f"{_observed(failed, population)} in {season}-{(season + 1) % 100:02}"
                self._seasons[index][season] = (*_wilson(failed, population), text)

    def band(self, season: int, index: int) -> Band | None:
        """Return the band of a day from the other seasons; None if none of them has enough
        entities near that day.
        """
        others = [pool for year, pool in self._seasons.get(index, {}).items() if year != season]
        if not others:
            return None
        lows, highs, texts = zip(*others, strict=True)
        first, last = index - HISTORY_DAYS, index + HISTORY_DAYS
        because = f"days {first} to {last} in other seasons: {', '.join(texts)}"
        return Band(
            first_day=first,
            last_day=last,
            low=min(lows),
            high=max(highs),
            source="history",
            because=because,
        )


class BandPosition(StrEnum):
    """Position of a rate. Below the band is as suspicious as above: failures can be missing."""

    INSIDE = "inside"
    ABOVE = "above"
    BELOW = "below"
    NO_BAND = "no band"


def verdict(failed: int, population: int, band: Band | None) -> BandPosition:
    """Compare a rate with its band; both ends are inside.

    The comparison uses the displayed precision: otherwise a text would call 40 % above 30-40 %.
    """
    if band is None or population < MIN_ENTITIES:
        return BandPosition.NO_BAND
    rate = tenths_of_percent(failed / population)
    if rate > tenths_of_percent(band.high):
        return BandPosition.ABOVE
    return BandPosition.BELOW if rate < tenths_of_percent(band.low) else BandPosition.INSIDE


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Failure rate, its band position and an explanation. `rate` is None without entities."""

    rate: float | None
    verdict: BandPosition
    band: Band | None
    unexplained: int
    text: str


def reading(failed: int, population: int, band: Band | None, unexplained: int) -> Reading:
    """Explain a rate. An unexpected failure is a problem even inside the band; a rate outside the
    band alone is not.
    """
    position = verdict(failed, population, band)
    rate = failed / population if population else None
    observed = _observed(failed, population) if population else "no rate"
    place, headline = _place(population, position, band), _headline(failed, unexplained)
    text = f"{observed}, {place}; {headline}"
    return Reading(rate=rate, verdict=position, band=band, unexplained=unexplained, text=text)


def _place(population: int, position: BandPosition, band: Band | None) -> str:
    if population < MIN_ENTITIES:
        return f"no band: fewer than {MIN_ENTITIES} entities"
    if band is None:
        return "no band for this day"
    fewer = ", fewer failures than usual" if position is BandPosition.BELOW else ""
    return f"{position} {SOURCES.get(band.source, 'the band')} {band}{fewer}"


def _headline(failed: int, unexpected: int) -> str:
    if unexpected:
        return pluralize(unexpected, "unexpected failure")
    return all_expected(failed) if failed else "no failures"


def all_expected(failed: int) -> str:
    """Return the headline of failures that are all expected: `27,256 failures, all expected`."""
    return f"{pluralize(failed, 'failure')}, {'expected' if failed == 1 else 'all expected'}"
