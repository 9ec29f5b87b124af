"""Rows into Plotly figures. Colours are names of the stylesheet's variables, so that light and dark
are one figure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from backfill.status.failure_rates import Point
from webapp.ui.links import to_date

Trace = dict[str, Any]
LINES = ("solid", "dash", "dot", "dashdot")
COLOURS = ("--s-complete", "--s-blocked", "--s-outdated", "--s-failed")
HOVER = (
    "%{customdata[0]}<br>%{customdata[1]} of %{customdata[2]} failed = %{y:.1f} %"
    "<br>must fail: %{customdata[3]}<br>%{customdata[4]}<extra>%{fullData.name}</extra>"
)


@dataclass(frozen=True)
class Series:
    """The points of one processor in one season."""

    name: str
    points: Sequence[Point]


def failure_rates(series: Sequence[Series], code: str, *, by_week: bool) -> dict[str, Any]:
    """Failure rate in percent over day index or season week: the band shaded, what must fail as a
    line, what did as points.
    """
    traces = _band(series, by_week=by_week)
    for n, one in enumerate(series):
        traces += [_must_fail(one, n, by_week=by_week), *_observed(one, n, code, by_week=by_week)]
    what = "season week" if by_week else "days since opening night"
    return {
        "data": traces,
        "layout": {
            "xaxis": {"title": {"text": what}, "tickformat": "d", "nticks": 26},
            "yaxis": {
                "title": {"text": "failed, % of the population"},
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
    """The runbook's band as one closed shape per season's points; of several seasons the longest
    stands for all.
    """
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
            "name": "the runbook's band",
        },
    ]


def _must_fail(one: Series, n: int, *, by_week: bool) -> Trace:
    known = [p for p in one.points if p.expected_rate is not None]
    return {
        "x": [_x(p, by_week=by_week) for p in known],
        "y": [_percent(p.expected_rate) for p in known],
        "mode": "lines",
        "name": f"{one.name}: must fail, by games played",
        "hoverinfo": "skip",
        "line": {
            "color": "--s-note",
            "width": 1.5,
            "dash": "dot" if n == 0 else LINES[n % len(LINES)],
        },
    }


def _observed(one: Series, n: int, code: str, *, by_week: bool) -> list[Trace]:
    run = [p for p in one.points if p.rate is not None]
    inside, outside = [p for p in run if not p.unexplained], [p for p in run if p.unexplained]
    colour = COLOURS[n % len(COLOURS)]
    traces = [
        _points(f"{one.name}: failed", inside, code, by_week=by_week)
        | {
            "mode": "lines+markers",
            "line": {"color": colour, "width": 1.5},
            "marker": {"color": colour, "size": 6},
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
            _points(f"{one.name}: outside expectation", outside, code, by_week=by_week)
            | {"mode": "markers", "marker": mark}
        )
    return traces


def _points(name: str, points: Sequence[Point], code: str, *, by_week: bool) -> Trace:
    return {
        "name": name,
        "x": [_x(p, by_week=by_week) for p in points],
        "y": [_percent(p.rate) for p in points],
        "customdata": [_said(p, code, by_week=by_week) for p in points],
        "hovertemplate": HOVER,
    }


def _said(point: Point, code: str, *, by_week: bool) -> list[Any]:
    when = (
        f"week {point.week}, {point.first} to {point.last}"
        if by_week
        else f"{point.first}, day {point.index}"
    )
    must = "not judged yet" if point.must_fail is None else f"{point.must_fail:,}"
    found = f"{point.unexplained:,} outside expectation" if point.unexplained else point.verdict
    url = f"{reverse('rates')}?processor={code}&by=date" if by_week else to_date(point.first, code)
    return [when, f"{point.failed:,}", f"{point.population:,}", must, found, url]


def season_rates(
    rates: Mapping[str, Sequence[Point]], code: str, name: str, *, by_week: bool = False
) -> dict[str, Any]:
    """The chart of one processor in one season."""
    return failure_rates([Series(name, rates[code])], code, by_week=by_week)
