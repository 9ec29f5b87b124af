"""How many entities usually fail, as bands of failure rates by day index, and where an observed
rate lies.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import sqrt
from statistics import NormalDist

from validation.expectation import PSZA
from validation.thresholds import percent, tenths_of_percent

# At twenty entities one is five points, the width of the narrowest band of the runbook.
MIN_ENTITIES = 20
# Three days to either side are a week: about three games a team, whatever weekday a season begins
# on.
HISTORY_DAYS = 3
Z = NormalDist().inv_cdf(0.975)  # both ends of 95 %


def _observed(failed: int, population: int) -> str:
    return f"{percent(failed / population)} ({failed:,} of {population:,})"


@dataclass(frozen=True)
class Band:
    """The failure rates to expect from `first_day` to `last_day` (None: the season's end), both
    included, as fractions.
    """

    first_day: int
    last_day: int | None
    low: float
    high: float
    source: str
    because: str

    def holds(self, index: int) -> bool:
        """Whether a day index lies in it."""
        return self.first_day <= index and (self.last_day is None or index <= self.last_day)

    def __str__(self) -> str:
        return f"{percent(self.low).removesuffix(' %')}-{percent(self.high)}"


def _row(first_day: int, last_day: int | None, low: float, high: float, because: str) -> Band:
    return Band(first_day, last_day, low, high, "runbook", because)


# Only PSZA has rows, because the others' rates have no course that one table could give. TDZA goes
# from all teams to none
# within days, as each plays its fifteenth game; PCF fails by bad context rows alone, so usually
# nobody does; PDC and ML
# follow PSZA, but among who plays that night, which differs from slate to slate.
RUNBOOK: Mapping[str, tuple[Band, ...]] = {
    PSZA: (
        _row(
            0,
            14,
            0.90,
            1.00,
            "no team has played the ten games that PSZA needs; all days but the last are bootstrap",
        ),
        _row(
            15,
            21,
            0.60,
            0.75,
            "the first teams play their tenth game, and only who has missed none has ten",
        ),
        _row(
            22,
            28,
            0.40,
            0.50,
            "every team reaches its tenth game, and who has missed a few lacks ten",
        ),
        _row(
            29,
            35,
            0.30,
            0.40,
            "teams have played about fifteen games; who has missed a third of them lacks ten",
        ),
        _row(
            36,
            None,
            0.25,
            0.30,
            "teams have played more than fifteen games; the hurt and the end of the bench lack ten",
        ),
        _row(
            60,
            None,
            0.15,
            0.20,
            "teams have played more than 25 games; only call-ups and returns lack ten",
        ),
    ),
}


def band(processor: str, index: int) -> Band | None:
    """The runbook's band of a day; where its rows overlap, the later one, which is about less of
    the season.
    """
    return next((row for row in reversed(RUNBOOK.get(processor, ())) if row.holds(index)), None)


@dataclass(frozen=True)
class Rate:
    """What one processor did on one day of a season; `population` is failed and written together."""

    season: int
    index: int
    failed: int
    population: int


def _wilson(failed: int, population: int) -> tuple[float, float]:
    """The 95 % score interval, which unlike the plain one stays inside 0..1 and has a width even at
    no failure.
    """
    rate, square = failed / population, Z * Z
    centre = failed + square / 2
    spread = Z * sqrt(population * rate * (1 - rate) + square / 4)
    low, high = ((centre + sign * spread) / (population + square) for sign in (-1, 1))
    # The last bits of a float must not put a rate of 0 or 1 outside its own interval.
    return max(0.0, min(low, rate)), min(1.0, max(high, rate))


class RateHistory:
    """The rates of one processor in every season, arranged once for many days.

    The days of a window are mostly the same entities again, so an interval is narrower than its 95
    %; what makes a band
    wide is how seasons differ, and one other season alone makes a narrow one.
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
        """What the other seasons make of a day; None when none of them has enough entities around
        it.
        """
        others = [pool for year, pool in self._seasons.get(index, {}).items() if year != season]
        if not others:
            return None
        lows, highs, texts = zip(*others, strict=True)
        first, last = index - HISTORY_DAYS, index + HISTORY_DAYS
        because = f"days {first} to {last} of other seasons: {', '.join(texts)}"
        return Band(first, last, min(lows), max(highs), "history", because)


class BandPosition(StrEnum):
    """Where a rate lies; below is a verdict too, since failures that are missing are as wrong as
    failures too many.
    """

    INSIDE = "inside"
    ABOVE = "above"
    BELOW = "below"
    TOO_FEW = "too few to tell"


def verdict(failed: int, population: int, band: Band | None) -> BandPosition:
    """Hold a rate against its band, both as they are read, or a text would call 40 % above 30-40 %;
    edges are inside.
    """
    if band is None or population < MIN_ENTITIES:
        return BandPosition.TOO_FEW
    rate = tenths_of_percent(failed / population)
    if rate > tenths_of_percent(band.high):
        return BandPosition.ABOVE
    return BandPosition.BELOW if rate < tenths_of_percent(band.low) else BandPosition.INSIDE


@dataclass(frozen=True)
class Reading:
    """A rate, its verdict and what to make of it. A date without entities has no rate."""

    rate: float | None
    verdict: BandPosition
    band: Band | None
    unexplained: int
    text: str


def reading(failed: int, population: int, band: Band | None, unexplained: int) -> Reading:
    """Read a rate: an unexplained failure is an alarm whatever the band says, and a band alone is
    never one.
    """
    found = verdict(failed, population, band)
    rate = failed / population if population else None
    observed = _observed(failed, population) if population else "no rate"
    text = (
        f"{observed}, {_place(population, found, band)}; {_explanation(failed, unexplained, found)}"
    )
    return Reading(rate, found, band, unexplained, text)


def _place(population: int, found: BandPosition, band: Band | None) -> str:
    if population < MIN_ENTITIES:
        return f"{found}: fewer than {MIN_ENTITIES} entities"
    if band is None:
        return "no band to hold it against"
    return f"{found} the band {band}" + (
        ", fewer fail than usual" if found is BandPosition.BELOW else ""
    )


def _explanation(failed: int, unexplained: int, found: BandPosition) -> str:
    if unexplained:
        return f"{unexplained:,} {'failure is' if unexplained == 1 else 'failures are'} unexplained"
    if not failed:
        return "nothing failed"
    # Below the band that much cannot be said: failures may have been lost, and those are not among
    # the explained.
    return "every failure is explained" + (
        ", so nothing is wrong" if found is BandPosition.ABOVE else ""
    )
