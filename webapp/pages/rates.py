"""What the failure rates page shows: one processor, one season or several over each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from backfill.errors import Refused
from backfill.processors.registry import CHAIN, unknown_processor
from backfill.status.failure_rates import Point, by_week, rates_of
from validation.bands import RUNBOOK
from webapp.ui import charts, seasons
from webapp.ui.seasons import LoadedSeason
from webapp.ui.typing import HtmxRequest

MOST_SEASONS = 4
WITH_BAND = next(iter(RUNBOOK))


@dataclass(frozen=True)
class SeasonRates:
    """A season's failures in sum: of what kind they are, and where its points lie."""

    name: str
    points: Sequence[Point]

    @property
    def against_band(self) -> dict[str, int]:
        """How many points lie where."""
        return dict(Counter(p.verdict for p in self.points if p.verdict))

    @property
    def population(self) -> int:
        """All who must have a row or a failure."""
        return sum(p.population or 0 for p in self.points)

    @property
    def unexplained(self) -> int:
        """Failures that the games do not explain."""
        return sum(p.unexplained for p in self.points)

    @property
    def bugs(self) -> int:
        """Failures that only an impossible source row explains."""
        return sum(p.bugs for p in self.points)

    @property
    def not_judged(self) -> int:
        """Failures of runs that nobody has judged yet."""
        return sum(p.not_judged for p in self.points)

    @property
    def by_games(self) -> int:
        """Failures that the games played explain."""
        return (
            sum(p.failed or 0 for p in self.points) - self.unexplained - self.bugs - self.not_judged
        )


@dataclass(frozen=True)
class RateFilters:
    """What the URL asks for: `?season=` (several), `?processor=`, `?by=week|date`."""

    loaded: list[LoadedSeason]
    seasons: tuple[LoadedSeason, ...]
    code: str
    by: str

    @classmethod
    def of(cls, request: HtmxRequest) -> RateFilters:
        """Read the URL. Raises Refused."""
        loaded, code, by = (
            seasons.choices(),
            request.GET.get("processor", WITH_BAND),
            request.GET.get("by", "week"),
        )
        if code not in CHAIN:
            raise Refused(unknown_processor(code))
        if by not in ("week", "date"):
            raise Refused(f"rates are by week or by date, not by {by!r}")
        return cls(loaded, _seasons(request.GET.getlist("season"), loaded), code, by)

    @property
    def codes(self) -> Sequence[str]:
        """The processors."""
        return CHAIN

    @cached_property
    def points(self) -> dict[str, list[Point]]:
        """The points of each season, by its name."""
        found = {season.name: rates_of(season.year)[self.code] for season in self.seasons}
        return {
            name: by_week(points) if self.by == "week" else points for name, points in found.items()
        }

    @property
    def chart(self) -> dict[str, Any]:
        """The figure."""
        series = [charts.Series(name, points) for name, points in self.points.items()]
        return charts.failure_rates(series, self.code, by_week=self.by == "week")

    @property
    def has_points(self) -> bool:
        """Whether there is anything to draw."""
        return any(p.population or p.entities for points in self.points.values() for p in points)

    @property
    def verdicts(self) -> list[SeasonRates]:
        """What is to be made of each season."""
        return [SeasonRates(name, points) for name, points in self.points.items()]

    @property
    def has_band(self) -> bool:
        """Whether the runbook has a band for it."""
        return self.code in RUNBOOK

    @property
    def bands(self) -> Sequence[Any]:
        """The bands, each with its reason."""
        return RUNBOOK.get(self.code, ())


def _seasons(wanted: Sequence[str], loaded: Sequence[LoadedSeason]) -> tuple[LoadedSeason, ...]:
    if not wanted:
        return tuple(loaded[:1])
    found = tuple(choice for choice in loaded if str(choice.year) in wanted)
    if unknown := sorted({*wanted} - {str(choice.year) for choice in found}):
        raise Refused(f"the season {unknown[0]!r} is not loaded")
    if len(found) > MOST_SEASONS:
        raise Refused(f"at most {MOST_SEASONS} seasons can lie over each other, not {len(found)}")
    return found
