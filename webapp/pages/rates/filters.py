"""Filters of the failure rates, from the URL."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

from django.urls import reverse

from backfill.drilldown.failing_entities import RESULTS
from backfill.errors import Refused
from backfill.processors.registry import CHAIN, unknown_processor
from backfill.season_calendar import load_calendar
from backfill.status.failure_rates import Point, RateHistories, by_week, rates_of
from validation.bands import RUNBOOK
from validation.categories import BY_NAME
from webapp.ui import charts, links, seasons
from webapp.ui.query_params import Choice, one_of
from webapp.ui.seasons import LoadedSeason
from webapp.ui.typing import HtmxRequest

MOST_SEASONS = 4
WITH_BAND = next(iter(RUNBOOK))
RANGE = re.compile(r"([0-9]{1,3})(?:-([0-9]{1,3}))?")


@dataclass(frozen=True, kw_only=True)
class RateFilters:
    """Parameters of the URL: `?season=` (repeated), `?processor=`, `?by=week|date`,
    `?view=rates|residuals`, `?week=` and `?day=`, a number or a range such as 4-9, and
    `?category=`, a failure category or result.
    """

    loaded: list[LoadedSeason]
    seasons: tuple[LoadedSeason, ...]
    code: str
    by: str
    view: str
    weeks: tuple[int, int] | None
    days: tuple[int, int] | None
    category: str

    @classmethod
    def of(cls, request: HtmxRequest) -> Self:
        """Read the URL. Raises Refused."""
        query, loaded = request.GET, seasons.choices()
        code = query.get("processor", WITH_BAND)
        if code not in CHAIN:
            raise Refused(unknown_processor(code))
        weeks, days = _range(query.get("week"), "week"), _range(query.get("day"), "day")
        usual = "date" if days or (weeks and weeks[0] == weeks[1]) else "week"
        by = query.get("by") or usual
        if by not in ("week", "date"):
            raise Refused(f"rates are by week or by date, not by {by!r}")
        return cls(
            loaded=loaded,
            seasons=_seasons(query.getlist("season"), loaded),
            code=code,
            by=by,
            view=one_of(query.get("view", ""), "view", charts.VIEWS) or charts.RATES,
            weeks=weeks,
            days=days,
            category=one_of(query.get("category", ""), "category", (*BY_NAME, *RESULTS)),
        )

    def url(self, name: str = "rates", **other: object) -> str:
        """Return the URL of these filters, with some replaced."""
        values = {
            "processor": self.code,
            "by": self.by,
            "view": self.view if self.view != charts.RATES else "",
            "week": ends_text(self.weeks),
            "day": ends_text(self.days),
            "category": self.category,
            **other,
        }
        years = values.pop("season", None) or [season.year for season in self.seasons]
        path = links.with_query(reverse(name), **values)
        return path + "".join(
            f"&season={y}" for y in (years if isinstance(years, list) else [years])
        )

    @property
    def codes(self) -> Sequence[str]:
        """Processors in chain order."""
        return CHAIN

    @property
    def views(self) -> list[Choice]:
        """Views of the chart."""
        return [
            Choice(words, self.url(view="" if name == charts.RATES else name), name == self.view)
            for name, words in charts.VIEWS.items()
        ]

    @cached_property
    def dates(self) -> dict[LoadedSeason, list[Point]]:
        """Points of every date, by season."""
        codes = (self.code,)
        history = RateHistories(load_calendar(), codes=codes)
        return {s: rates_of(s.year, codes, history)[self.code] for s in self.seasons}

    @cached_property
    def selected_dates(self) -> dict[LoadedSeason, list[Point]]:
        """Points of the dates of the range, by season."""
        return {
            season: [p for p in points if is_in(p.week, self.weeks) and is_in(p.index, self.days)]
            for season, points in self.dates.items()
        }

    @cached_property
    def selected(self) -> dict[LoadedSeason, list[Point]]:
        """Points of the table: the weeks or dates of the range."""
        return {season: self._grouped(points) for season, points in self.selected_dates.items()}

    def _grouped(self, points: Sequence[Point]) -> list[Point]:
        return by_week(points) if self.by == "week" else list(points)

    @property
    def range_name(self) -> str:
        """Parameter of the range field: week, or day in a chart by date."""
        return "week" if self.by == "week" or (self.weeks and not self.days) else "day"

    @property
    def range_text(self) -> str:
        """Text of the range field."""
        return ends_text(self.weeks if self.range_name == "week" else self.days)

    @property
    def range_words(self) -> str:
        """Description of the selection: `weeks 4-9`; empty for the whole season."""
        parts = [
            f"{noun if first == last else f'{noun}s'} {ends_text((first, last))}"
            for noun, found in (("week", self.weeks), ("day", self.days))
            if found
            for first, last in [found]
        ]
        return ", ".join(parts)

    @property
    def clear_url(self) -> str:
        """URL of the whole season."""
        return self.url(week="", day="", category="", by="week")


def _range(text: str | None, name: str) -> tuple[int, int] | None:
    """Return a range as its two ends; None if the parameter is empty. Raises Refused."""
    if not text:
        return None
    found = RANGE.fullmatch(text.strip())
    if not found:
        raise Refused(f"{name} takes a number or a range such as 4-9, not {text[:40]!r}")
    first, last = int(found[1]), int(found[2] or found[1])
    if last < first:
        raise Refused(f"the last {name} {last} is before the first {name} {first}; swap them")
    return first, last


def ends_text(ends: tuple[int, int] | None) -> str:
    """Return a range as in the URL: 7 or 4-9."""
    if ends is None:
        return ""
    return str(ends[0]) if ends[0] == ends[1] else f"{ends[0]}-{ends[1]}"


def is_in(number: int, ends: tuple[int, int] | None) -> bool:
    """Return whether a number is in a range; any number is in None."""
    return ends is None or ends[0] <= number <= ends[1]


def _seasons(wanted: Sequence[str], loaded: Sequence[LoadedSeason]) -> tuple[LoadedSeason, ...]:
    if not wanted:
        return tuple(loaded[:1])
    selected = tuple(choice for choice in loaded if str(choice.year) in wanted)
    if unknown := sorted({*wanted} - {str(choice.year) for choice in selected}):
        raise Refused(seasons.not_loaded(unknown[0], [choice.year for choice in loaded]))
    if len(selected) > MOST_SEASONS:
        raise Refused(f"compare at most {MOST_SEASONS} seasons, not {len(selected)}")
    return selected
