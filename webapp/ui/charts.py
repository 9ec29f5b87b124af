"""Plotly figures. Colors are names of CSS variables, so that one figure fits light and dark."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.urls import reverse

from backfill.status.failure_rates import Point
from validation.bands import SOURCES, TOLERANCE, BandPosition
from validation.findings.kinds import pluralize
from validation.thresholds import percent
from webapp.ui.links import to_date, with_query

Trace = dict[str, Any]
RATES, RESIDUALS = "rates", "residuals"
VIEWS = {RATES: "Rates and bands", RESIDUALS: "Actual minus expected"}
COLORS = ("--s-complete", "--s-blocked", "--s-outdated", "--s-note")
DASHES = ("solid", "dash", "dot", "dashdot")
# Marks differ in shape, so that color is never the only sign.
MARKS: tuple[tuple[str, Callable[[Point], bool], Trace], ...] = (
    (
        "above {band}, all expected",
        lambda p: p.position == BandPosition.ABOVE and p.all_expected,
        {"symbol": "circle-open", "size": 13, "color": "--ink", "line": {"width": 1.5}},
    ),
    (
        "unexpected failures",
        lambda p: bool(p.unexplained),
        {"symbol": "triangle-up", "size": 14, "color": "--s-outside"},
    ),
    ("bugs", lambda p: bool(p.bugs), {"symbol": "x", "size": 10, "color": "--s-failed"}),
)
LONGEST_PAUSE = 2  # weeks; the line breaks over a longer one
SMALLEST_RANGE = 5.0  # points on each side of zero


@dataclass(frozen=True)
class Series:
    """Points of one processor in one season."""

    year: int
    name: str
    points: Sequence[Point]


@dataclass(frozen=True, kw_only=True)
class RateChart:
    """Failure rates of one processor over season weeks or days of the season.

    `selected` is the highlighted range on the x axis.
    """

    series: Sequence[Series]
    code: str
    by_week: bool
    view: str = RATES
    selected: tuple[int, int] | None = None

    @property
    def figure(self) -> Trace:
        """Plotly figure: band or tolerance, expected under actual, then the marks."""
        traces = [*self._bands()] if self.view == RATES else [*self._tolerance()]
        for n, one in enumerate(self.series):
            traces += [*self._season(one, n)]
        return {
            "data": traces,
            "layout": {
                "xaxis": {"title": {"text": self.unit.capitalize()}, "tickformat": "d"},
                "yaxis": self._y_axis,
                "shapes": [*self._shapes()],
            },
        }

    @property
    def unit(self) -> str:
        """Name of the x axis."""
        return "season week" if self.by_week else "day of the season"

    @cached_property
    def brush(self) -> dict[str, str]:
        """URL without the range that a brush selects, and the parameter of the range."""
        url = with_query(
            reverse("rates"),
            processor=self.code,
            by="week" if self.by_week else "date",
            view="" if self.view == RATES else self.view,
        )
        years = "".join(f"&season={one.year}" for one in self.series)
        return {"url": f"{url}{years}", "name": "week" if self.by_week else "day"}

    @property
    def label(self) -> str:
        """Name of the figure."""
        seasons = " and ".join(one.name for one in self.series)
        return f"{VIEWS[self.view]} of {self.code} by {self.unit}, {seasons}"

    @property
    def summary(self) -> str:
        """Sentence on each season: rates, peak, and points above the band or off the
        expectation.
        """
        return " ".join(map(self._summary, self.series))

    def _summary(self, one: Series) -> str:
        ran = [p for p in one.points if p.rate is not None]
        if not ran:
            return f"{one.name}: no runs."
        failed, peak = sum(p.failed or 0 for p in ran), max(ran, key=lambda p: p.rate or 0)
        parts = [
            f"{pluralize(failed, 'failure')}, {percent(failed / sum(p.population or 0 for p in ran))}",
            f"peak {percent(peak.rate or 0)} {self._when(peak)}",
        ]
        noun = "week" if self.by_week else "date"
        if self.view == RESIDUALS:
            off = [p for p in ran if p.is_off]
            most = max(off, key=lambda p: abs(p.residual or 0), default=None)
            parts.append(
                f"{pluralize(len(off), noun)} off the expectation, at most "
                f"{100 * (most.residual or 0):+.1f} points {self._when(most)}"
                if most
                else f"every {noun} within {100 * TOLERANCE:g} point of the expectation"
            )
        for word in (BandPosition.ABOVE, BandPosition.BELOW):
            if n := sum(p.position == word for p in ran):
                parts.append(f"{pluralize(n, noun)} {word} {_band_name(ran)}")
        for text, n in (
            ("unexpected failure", sum(p.unexplained for p in ran)),
            ("bug", sum(p.bugs for p in ran)),
        ):
            parts += [pluralize(n, text)] if n else []
        if all(p.all_expected or not p.failed for p in ran) and failed:
            parts.append("all expected")
        return f"{one.name}: {'; '.join(parts)}."

    def _when(self, point: Point) -> str:
        return f"in week {point.week}" if self.by_week else f"on {point.first}"

    def _x(self, point: Point) -> int:
        return point.week if self.by_week else point.index

    def _y(self, point: Point) -> float | None:
        return _percent(point.rate if self.view == RATES else point.residual)

    @property
    def _y_axis(self) -> Trace:
        if self.view == RATES:
            title = "Failures, % of population"
            return {"title": {"text": title}, "range": [0, 100], "ticksuffix": " %"}
        found = [abs(y) for one in self.series for p in one.points if (y := self._y(p)) is not None]
        most = max(SMALLEST_RANGE, *found) * 1.15 if found else SMALLEST_RANGE
        title = "Actual minus expected, points"
        return {"title": {"text": title}, "range": [-most, most], "zeroline": True}

    def _shapes(self) -> Iterator[Trace]:
        if self.selected:
            first, last = self.selected
            yield {
                "type": "rect", "xref": "x", "yref": "paper", "x0": first - 0.5, "x1": last + 0.5,
                "y0": 0, "y1": 1, "fillcolor": "--brand", "opacity": 0.1, "line": {"width": 0},
            }  # fmt: skip

    def _bands(self) -> Iterator[Trace]:
        """Yield the band of the longest season; each week or date spans the whole of it."""
        points = max((one.points for one in self.series), key=len, default=())
        xs: list[float | None] = []
        lows: list[float | None] = []
        highs: list[float | None] = []
        for n, point in enumerate(points):
            if point.band is None:
                continue
            x = self._x(point)
            after = self._x(points[n + 1]) if n + 1 < len(points) else x + 1
            is_pause = after - x > LONGEST_PAUSE * (1 if self.by_week else 7)
            xs += [x - 0.5, (x + 1 if is_pause else after) - 0.5]
            lows += [_percent(point.low)] * 2
            highs += [_percent(point.high)] * 2
            if is_pause:  # a fill needs the gap closed at the bottom, not left out
                edges = [xs[-1], after - 0.5]
                xs += edges
                lows += [0.0, 0.0]
                highs += [0.0, 0.0]
        if xs:
            yield from _area(xs, lows, highs, _band_name(points))

    def _tolerance(self) -> Iterator[Trace]:
        xs = [self._x(p) for one in self.series for p in one.points]
        if xs:
            edge = 100 * TOLERANCE
            yield from _area(
                [min(xs) - 0.5, max(xs) + 0.5],
                [-edge, -edge],
                [edge, edge],
                f"tolerance, {edge:g} point",
            )

    def _season(self, one: Series, n: int) -> Iterator[Trace]:
        """Yield the expected rates under the actual ones, then a trace per mark."""
        prefix, color = f"{one.name}: " if len(self.series) > 1 else "", COLORS[n % len(COLORS)]
        if self.view == RATES:
            known = [p for p in one.points if p.expected_rate is not None]
            yield {
                **self._line(known, [_percent(p.expected_rate) for p in known]),
                "mode": "lines",
                "name": "expected",
                "showlegend": n == 0,
                "hoverinfo": "skip",
                "line": {"color": "--s-expected", "width": 9, "shape": "linear"},
                "opacity": 0.75,
            }
        ran = [p for p in one.points if self._y(p) is not None]
        yield {
            **self._line(ran, [self._y(p) for p in ran], with_points=True),
            "mode": "lines+markers",
            "name": f"{prefix}actual",
            "meta": "points",
            "line": {"color": color, "width": 1.5, "dash": DASHES[n % len(DASHES)]},
            "marker": {"color": color, "size": 6},
            "cliponaxis": False,
        }
        for name, holds, marker in MARKS:
            if found := [p for p in ran if holds(p)]:
                yield {
                    **self._line(found, [self._y(p) for p in found], with_points=True, whole=True),
                    "mode": "markers",
                    "name": name.format(band=_band_name(found)),
                    "legendgroup": name,
                    "showlegend": not any(
                        self._marked(before, holds) for before in self.series[:n]
                    ),
                    "marker": marker,
                    "cliponaxis": False,
                }

    def _marked(self, one: Series, holds: Callable[[Point], bool]) -> bool:
        return any(self._y(p) is not None and holds(p) for p in one.points)

    def _line(
        self,
        points: Sequence[Point],
        ys: Sequence[float | None],
        *,
        with_points: bool = False,
        whole: bool = False,
    ) -> Trace:
        """Return the coordinates of points, with a gap over a long pause unless `whole`."""
        trace: Trace = {"x": [], "y": [], "customdata": [], "connectgaps": False}
        for n, (point, y) in enumerate(zip(points, ys, strict=True)):
            if n and not whole and point.week - points[n - 1].week > LONGEST_PAUSE:
                trace["x"].append(self._x(point) - 1)
                trace["y"].append(None)
                trace["customdata"].append(None)
            trace["x"].append(self._x(point))
            trace["y"].append(y)
            trace["customdata"].append([self._text(point), self._url(point)])
        if with_points:
            trace["hovertemplate"] = "%{customdata[0]}<extra>%{fullData.name}</extra>"
        else:
            del trace["customdata"]
        return trace

    def _text(self, point: Point) -> str:
        """Return the tooltip of a point, also read out when the keyboard reaches it."""
        when = (
            f"Week {point.week}, {point.first} to {point.last}"
            if self.by_week
            else f"{point.first}, day {point.index}"
        )
        lines = [
            when,
            f"{point.failed or 0:,} of {point.population or 0:,} failed, {percent(point.rate or 0)}",
            f"Expected: {percent(point.expected_rate)}"
            if point.expected_rate is not None
            else "Not audited yet",
        ]
        for noun, n in (("unexpected failure", point.unexplained), ("bug", point.bugs)):
            lines += [pluralize(n, noun)] if n else []
        band = f" ({point.band})" if point.band else ""
        lines += [f"{point.verdict}{band}", *(f"Red flag: {flag}" for flag in point.flag_texts)]
        return "<br>".join(lines)

    def _url(self, point: Point) -> str:
        """Return the URL of a point: the dates of its week, or the failed entities of its date."""
        if self.by_week:
            return f"{self.brush['url'].replace('by=week', 'by=date')}&week={point.week}"
        if point.failed:
            path = reverse("entities", args=[point.first, self.code])
            return with_query(path, category="failed")
        return to_date(point.first, self.code)


def _area(
    xs: Sequence[float | None],
    lows: Sequence[float | None],
    highs: Sequence[float | None],
    name: str,
) -> Iterator[Trace]:
    common: Trace = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "x": xs}
    yield {**common, "y": lows, "showlegend": False}
    yield {**common, "y": highs, "fill": "tonexty", "fillcolor": "--band", "name": name}


def _band_name(points: Sequence[Point]) -> str:
    return next((SOURCES[p.band.source].rstrip(",") for p in points if p.band), "the band")


def _percent(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 2)
