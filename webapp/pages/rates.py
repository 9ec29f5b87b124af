"""Failure rates page: one processor, one or more seasons to compare."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from backfill.errors import Refused
from backfill.processors.registry import CHAIN, unknown_processor
from backfill.season_calendar import load_calendar
from backfill.status.failure_rates import Point, by_week, rates_of
from validation.bands import RUNBOOK, Band, in_order
from webapp.ui import charts, links, seasons
from webapp.ui.seasons import LoadedSeason
from webapp.ui.typing import HtmxRequest

MOST_SEASONS = 4
WITH_BAND = next(iter(RUNBOOK))


@require_safe
def page(request: HtmxRequest) -> HttpResponse:
    return render(request, "rates/page.html", {"chosen": RateFilters.of(request)})


@dataclass(frozen=True)
class SeasonRates:
    """Failures of a season by result, and its points by position in the band."""

    year: int
    name: str
    points: Sequence[Point]

    @property
    def band_positions(self) -> dict[str, int]:
        """Number of points by position in the band: inside, above, below, too few."""
        return dict(Counter(p.verdict for p in self.points if p.verdict))

    @property
    def population(self) -> int:
        """Entities, summed over the points with a run."""
        return sum(p.population or 0 for p in self.points)

    @property
    def unexpected(self) -> int:
        """Unexpected failures of audited runs."""
        return sum(p.unexplained for p in self.points)

    @property
    def bugs(self) -> int:
        """Failures caused by code or by an impossible source row."""
        return sum(p.bugs for p in self.points)

    @property
    def not_audited(self) -> int:
        """Failures of runs without an audit."""
        return sum(p.not_audited for p in self.points)

    @property
    def failed(self) -> int:
        """Failures of any result."""
        return sum(p.failed or 0 for p in self.points)

    @property
    def expected(self) -> int:
        """Expected failures."""
        return self.failed - self.unexpected - self.bugs - self.not_audited

    @property
    def needs_detail(self) -> bool:
        """Return whether some failures are not expected, or not audited."""
        return self.expected < self.failed


@dataclass(frozen=True, kw_only=True)
class RateFilters:
    """Parameters of the URL: `?season=` (repeated), `?processor=`, `?by=week|date`."""

    loaded: list[LoadedSeason]
    seasons: tuple[LoadedSeason, ...]
    code: str
    by: str

    @classmethod
    def of(cls, request: HtmxRequest) -> RateFilters:
        """Read the URL. Raises Refused."""
        loaded, by = seasons.choices(), request.GET.get("by", "week")
        code = request.GET.get("processor", WITH_BAND)
        if code not in CHAIN:
            raise Refused(unknown_processor(code))
        if by not in ("week", "date"):
            raise Refused(f"rates are by week or by date, not by {by!r}")
        return cls(
            loaded=loaded, seasons=_seasons(request.GET.getlist("season"), loaded), code=code, by=by
        )

    @property
    def columns(self) -> list[str]:
        """Headings of the table: the season only where several are compared."""
        season = ["Season"] if len(self.seasons) > 1 else []
        return [
            *season, self.by.capitalize(), "#?Day", "#Population", "#Failures", "#Rate",
            "#Expected", "#Band", "Result",
        ]  # fmt: skip

    @property
    def codes(self) -> Sequence[str]:
        """Processors in chain order."""
        return CHAIN

    @cached_property
    def points(self) -> dict[str, list[Point]]:
        """Points of each season, by season name."""
        found = {season.name: rates_of(season.year)[self.code] for season in self.seasons}
        return {
            name: by_week(points) if self.by == "week" else points for name, points in found.items()
        }

    @property
    def chart(self) -> dict[str, Any]:
        """Plotly figure."""
        series = [charts.Series(name, points) for name, points in self.points.items()]
        return charts.failure_rates(series, self.code, by_week=self.by == "week")

    @property
    def query_url(self) -> str:
        """URL of the `failure-rates` query for the first season."""
        days = load_calendar().season(self.seasons[0].year) if self.seasons else []
        span = {"start": days[0].day, "end": days[-1].day} if days else {}
        return links.with_query(reverse("query", args=["failure-rates"]), **span)

    @property
    def has_points(self) -> bool:
        """Return whether any point has a run or an audit."""
        return any(p.population or p.entities for points in self.points.values() for p in points)

    @property
    def results(self) -> list[SeasonRates]:
        """Summary of each season."""
        return [
            SeasonRates(season.year, season.name, self.points[season.name])
            for season in self.seasons
        ]

    @property
    def has_band(self) -> bool:
        """Return whether the runbook has a band for the processor."""
        return self.code in RUNBOOK

    @property
    def bands(self) -> list[tuple[str, Band]]:
        """Days of each band of the processor. A band ends where a later, narrower one begins."""
        return in_order(self.code)


def _seasons(wanted: Sequence[str], loaded: Sequence[LoadedSeason]) -> tuple[LoadedSeason, ...]:
    if not wanted:
        return tuple(loaded[:1])
    selected = tuple(choice for choice in loaded if str(choice.year) in wanted)
    if unknown := sorted({*wanted} - {str(choice.year) for choice in selected}):
        raise Refused(seasons.not_loaded(unknown[0], [choice.year for choice in loaded]))
    if len(selected) > MOST_SEASONS:
        raise Refused(f"compare at most {MOST_SEASONS} seasons, not {len(selected)}")
    return selected
