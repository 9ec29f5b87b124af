"""Content of the failure rates page: chart, results, categories, rows and entities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.urls import reverse

from backfill.drilldown.failing_entities import FailingEntity, failing_entities, question
from backfill.season_calendar import load_calendar
from backfill.status.failure_rates import Point, together
from validation.bands import RUNBOOK, Band, in_order
from validation.categories import BY_NAME, Category
from webapp.pages.rates.filters import RateFilters, is_in
from webapp.ui import charts, links
from webapp.ui.seasons import LoadedSeason


@dataclass(frozen=True)
class FailingEntityRow:
    """Failing entity of a season, with the URL of its season."""

    year: int
    found: FailingEntity

    @property
    def count(self) -> int:
        """Number of failures."""
        return self.found.count

    @property
    def url(self) -> str:
        """URL of the season of the entity."""
        return links.named("player", self.year, self.found.entity)


@dataclass(frozen=True)
class SeasonRates:
    """Failures of a season by result, and its points by position in the band."""

    year: int
    name: str
    points: Sequence[Point]

    @cached_property
    def whole(self) -> Point | None:
        """All points together."""
        return together(self.points) if self.points else None

    @property
    def verdicts(self) -> dict[str, list[Point]]:
        """Points by verdict, such as `above the runbook's band, all expected`."""
        found: dict[str, list[Point]] = {}
        for point in self.points:
            if point.verdict:
                found.setdefault(point.verdict, []).append(point)
        return found

    @property
    def population(self) -> int:
        """Entities, summed over the points with a run."""
        return (self.whole and self.whole.population) or 0

    @property
    def unexpected(self) -> int:
        """Unexpected failures of audited runs."""
        return self.whole.unexplained if self.whole else 0

    @property
    def bugs(self) -> int:
        """Failures caused by code or by an impossible source row."""
        return self.whole.bugs if self.whole else 0

    @property
    def not_audited(self) -> int:
        """Failures of runs without an audit."""
        return self.whole.not_audited if self.whole else 0

    @property
    def waiting(self) -> int:
        """Expected failures that exist only because Phase 3 rows are missing, an estimate."""
        return self.whole.waiting if self.whole else 0

    @property
    def failed(self) -> int:
        """Failures of any result."""
        return (self.whole and self.whole.failed) or 0

    @property
    def expected(self) -> int:
        """Expected failures."""
        return self.failed - self.unexpected - self.bugs - self.not_audited

    @property
    def needs_detail(self) -> bool:
        """Return whether some failures are not expected, or not audited."""
        return self.expected < self.failed

    @property
    def flags(self) -> dict[str, list[Point]]:
        """Points that meet a red flag of the runbook, by flag."""
        found: dict[str, list[Point]] = {}
        for point in self.points:
            for flag in point.flags:
                found.setdefault(flag, []).append(point)
        return found


@dataclass(frozen=True, kw_only=True)
class RateRow:
    """Row of the table: a week or a date, with the URLs of its dates and of its failures."""

    season: LoadedSeason
    point: Point
    url: str
    population_url: str
    failures_url: str
    unexpected_url: str


@dataclass(frozen=True, kw_only=True)
class CategoryRow:
    """Failures of a category in the selection, actual and expected, with the URL of its
    entities.
    """

    season: LoadedSeason
    category: Category
    failed: int
    expected: int | None
    url: str


class RatePage(RateFilters):
    """Content that the filters select."""

    @property
    def columns(self) -> list[str]:
        """Headings of the table: the season only where several are compared."""
        season = ["Season"] if len(self.seasons) > 1 else []
        return [
            *season, self.by.capitalize(), "#?Day", "#Population", "#Failures", "#Rate",
            "#Expected", "#Difference|actual minus expected", "#Band", "Result",
        ]  # fmt: skip

    @cached_property
    def chart(self) -> charts.RateChart:
        """Chart: all weeks, or the dates of the selected weeks; the selected range is marked."""
        drawn = self.dates
        if self.by == "date" and self.weeks:
            drawn = {
                season: [p for p in points if is_in(p.week, self.weeks)]
                for season, points in self.dates.items()
            }
        return charts.RateChart(
            series=[
                charts.Series(season.year, season.name, self._grouped(points))
                for season, points in drawn.items()
            ],
            code=self.code,
            by_week=self.by == "week",
            view=self.view,
            selected=self.weeks if self.by == "week" else self.days,
        )

    @property
    def query_url(self) -> str:
        """URL of the `failure-rates` query for the selected dates of the first season."""
        days = load_calendar().season(self.seasons[0].year) if self.seasons else []
        span = {"start": days[0].day, "end": days[-1].day} if days else {}
        if (self.weeks or self.days) and (found := self.selected_dates[self.seasons[0]]):
            span = {"start": found[0].first, "end": found[-1].last}
        return links.with_query(reverse("query", args=["failure-rates"]), **span)

    @property
    def has_points(self) -> bool:
        """Return whether any point has a run or an audit."""
        return any(p.population or p.entities for points in self.dates.values() for p in points)

    @property
    def results(self) -> list[SeasonRates]:
        """Summary of each season in the range."""
        return [
            SeasonRates(season.year, season.name, points)
            for season, points in self.selected.items()
        ]

    @property
    def has_band(self) -> bool:
        """Return whether the runbook has a band for the processor."""
        return self.code in RUNBOOK

    @property
    def bands(self) -> list[tuple[str, Band]]:
        """Days of each band of the processor. A band ends where a later, narrower one begins."""
        return in_order(self.code)

    @property
    def category_columns(self) -> list[str]:
        """Headings of the categories: the season only where several are compared."""
        season = ["Season"] if len(self.seasons) > 1 else []
        return [*season, "Category", "#Failures", "#Expected"]

    @property
    def noun(self) -> str:
        """Word for a point: week or date."""
        return self.by

    @property
    def entities_page(self) -> str:
        """URL of the entities of the range."""
        return self.url("rates_entities")

    @property
    def all_entities(self) -> str:
        """URL of the entities of the range, of every category."""
        return self.url("rates_entities", category="")

    @property
    def rates_page(self) -> str:
        """URL of the page of these filters."""
        return self.url(category="")

    @cached_property
    def rows(self) -> list[RateRow]:
        """Rows of the table."""
        return [
            RateRow(
                season=season,
                point=point,
                url=self._point_url(season, point),
                population_url=self._list_url(season, point, ""),
                failures_url=self._list_url(season, point, "failed"),
                unexpected_url=self._list_url(season, point, "unexplained"),
            )
            for season, points in self.selected.items()
            for point in points
        ]

    def _point_url(self, season: LoadedSeason, point: Point) -> str:
        if self.by == "date":
            return links.to_date(point.first, self.code)
        return self.url(season=season.year, week=point.week, day="", category="", by="date")

    def _list_url(self, season: LoadedSeason, point: Point, category: str) -> str:
        """Return the URL of the entities of a date, or of the failures of a week. The population
        of a week is on the page of the week.
        """
        if self.by == "date":
            path = reverse("entities", args=[point.first, self.code])
            return links.with_query(path, category=category)
        if not category:
            return self._point_url(season, point)
        only = {"failed": "", "unexplained": "unexpected"}[category]
        here = {"season": season.year, "week": point.week, "day": "", "by": "date"}
        return self.url("rates_entities", **here, category=only)

    @cached_property
    def categories(self) -> list[CategoryRow]:
        """Failures by category, of each season."""
        return [row for result in self.results for row in self._categories(result)]

    def _categories(self, result: SeasonRates) -> Iterator[CategoryRow]:
        season = next(choice for choice in self.seasons if choice.year == result.year)
        for category in BY_NAME.values():
            if result.whole and (failed := result.whole.failures.get(category.name, 0)):
                expected = result.whole.expected.get(category.name, 0)
                yield CategoryRow(
                    season=season,
                    category=category,
                    failed=failed,
                    expected=None if result.whole.must_fail is None else expected,
                    url=self.entities_url(result, category.name),
                )

    def entities_url(self, result: SeasonRates, category: str) -> str:
        """Return the URL of the entities of a season with a category or result."""
        return self.url("rates_entities", season=result.year, category=category)

    @cached_property
    def entities(self) -> list[FailingEntityRow]:
        """Entities that failed in the range, most failures first. Raises WarehouseError."""
        found = [
            FailingEntityRow(season.year, entity)
            for season, points in self.selected_dates.items()
            for entity in failing_entities(season.year, self.code, points, self.category)
        ]
        return sorted(found, key=lambda row: -row.count)

    @property
    def entities_sql(self) -> str:
        """Statement that reads the failures of the range."""
        dates = [p.first for points in self.selected_dates.values() for p in points if p.failed]
        return question(self.code, dates).text

    @property
    def season_links(self) -> list[dict[str, Any]]:
        """Result of each season with the URLs of its numbers."""
        return [
            {
                "result": result,
                "failed": self.entities_url(result, ""),
                "expected": self.entities_url(result, "expected"),
                "unexpected": self.entities_url(result, "unexpected"),
                "not_audited": self.entities_url(result, "not audited"),
                "triage": links.with_query(
                    reverse("triage"), season=result.year, processor=self.code
                ),
            }
            for result in self.results
        ]
