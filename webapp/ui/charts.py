"""Plotly figures. Colors are names of CSS variables, so that one figure fits light and dark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from backfill.season_calendar import season_dates
from backfill.status.failure_rates import Point
from validation.findings.kinds import pluralize
from validation.season import SeasonDates
from webapp.ui.links import to_date, with_query

Trace = dict[str, Any]
LINES = ("solid", "dash", "dot", "dashdot")
COLORS = ("--s-complete", "--s-blocked", "--s-outdated", "--s-failed")
HOVER = (
    "%{customdata[0]}<br>%{customdata[1]} of %{customdata[2]} failed (%{y:.1f} %)"
    "<br>Expected: %{customdata[3]}<br>%{customdata[4]}<extra>%{fullData.name}</extra>"
)


@dataclass(frozen=True)
class Series:
    """Points of one processor in one season."""

    name: str
    points: Sequence[Point]


def failure_rates(series: Sequence[Series], code: str, *, by_week: bool) -> dict[str, Any]:
    """Return the chart of failure rates in percent over season week or day of the season: the band
    shaded, expected rates as a dotted line, observed rates as points.
    """
    traces = _band(series, by_week=by_week)
    for n, one in enumerate(series):
        traces += [_expected(one, n, by_week=by_week), *_observed(one, n, code, by_week=by_week)]
    title = "Season week" if by_week else "Days since opening night"
    return {
        "data": traces,
        "layout": {
            "xaxis": {"title": {"text": title}, "tickformat": "d", "nticks": 26},
            "yaxis": {
                "title": {"text": "Failure rate, % of population"},
                "rangemode": "tozero",
                "ticksuffix": " %",
            },
        },
    }


def _x(point: Point, *, by_week: bool) -> int:
    return point.week if by_week else point.index


def _percent(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 2)


def _band(series: Sequence[Series], *, by_week: bool) -> list[Trace]:
    """Return the runbook's band as one closed shape, over the dates of the longest season."""
    points = max((s.points for s in series), key=len, default=())
    banded = [p for p in points if p.band]
    if not banded:
        return []
    xs = [_x(p, by_week=by_week) for p in banded]
    ys = [_percent(p.low) for p in banded], [_percent(p.high) for p in banded]
    common = {"mode": "lines", "line": {"width": 0, "shape": "hvh"}, "hoverinfo": "skip"}
    return [
        {**common, "x": xs, "y": ys[0], "showlegend": False},
        {
            **common,
            "x": xs,
            "y": ys[1],
            "fill": "tonexty",
            "fillcolor": "--band",
            "name": "runbook band",
        },
    ]


def _expected(one: Series, n: int, *, by_week: bool) -> Trace:
    known = [p for p in one.points if p.expected_rate is not None]
    return {
        "x": [_x(p, by_week=by_week) for p in known],
        "y": [_percent(p.expected_rate) for p in known],
        "mode": "lines",
        "name": f"{one.name}: expected",
        "hoverinfo": "skip",
        "line": {
            "color": "--s-note",
            "width": 1.5,
            "dash": "dot" if n == 0 else LINES[n % len(LINES)],
        },
    }


def _observed(one: Series, n: int, code: str, *, by_week: bool) -> list[Trace]:
    ran = [p for p in one.points if p.rate is not None]
    inside, outside = [p for p in ran if not p.unexplained], [p for p in ran if p.unexplained]
    color = COLORS[n % len(COLORS)]
    traces = [
        _points(f"{one.name}: failed", inside, code, by_week=by_week)
        | {
            "mode": "lines+markers",
            "line": {"color": color, "width": 1.5},
            "marker": {"color": color, "size": 6},
        }
    ]
    if outside:
        mark = {
            "color": "--s-outside",
            "size": 11,
            "symbol": "triangle-up",
            "line": {"color": "--card", "width": 1},
        }
        traces.append(
            _points(f"{one.name}: unexpected failures", outside, code, by_week=by_week)
            | {"mode": "markers", "marker": mark}
        )
    return traces


def _points(name: str, points: Sequence[Point], code: str, *, by_week: bool) -> Trace:
    seasons = season_dates()
    return {
        "name": name,
        "x": [_x(p, by_week=by_week) for p in points],
        "y": [_percent(p.rate) for p in points],
        "customdata": [_tooltip(p, code, seasons, by_week=by_week) for p in points],
        "hovertemplate": HOVER,
    }


def _tooltip(point: Point, code: str, seasons: SeasonDates, *, by_week: bool) -> list[Any]:
    when = (
        f"Week {point.week}, {point.first} to {point.last}"
        if by_week
        else f"{point.first}, day {point.index}"
    )
    expected = "not audited yet" if point.must_fail is None else f"{point.must_fail:,}"
    unexpected = pluralize(point.unexplained, "unexpected failure")
    result = unexpected if point.unexplained else point.verdict
    url = to_date(point.first, code)
    if by_week:
        season = seasons.year_of(point.first)
        url = with_query(reverse("rates"), season=season, processor=code, by="date")
    return [when, f"{point.failed:,}", f"{point.population:,}", expected, result, url]


def season_rates(
    rates: Mapping[str, Sequence[Point]], code: str, name: str, *, by_week: bool = False
) -> dict[str, Any]:
    """Return the chart of one processor in one season."""
    return failure_rates([Series(name, rates[code])], code, by_week=by_week)
