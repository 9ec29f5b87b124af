"""Dates of a finding as an SVG strip of its season."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from datetime import date

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from backfill.models import Finding
from validation.findings.kinds import pluralize
from webapp.ui import states

HEIGHT, LEAST = 10, 2


def strip(finding: Finding, season: Sequence[date]) -> SafeString:
    """Return the strip: a mark per stretch of adjacent dates, a line per month."""
    days = [date.fromisoformat(day) for day in finding.dates]
    span = f"{finding.first}" if len(days) == 1 else f"{finding.first} to {finding.last}"
    words = f"{len(days)} of {pluralize(len(season), 'date')} in the season: {span}"
    if not season:
        return SafeString()
    marks = format_html_join(
        "",
        '<rect x="{}" y="0" width="{}" height="{}"/>',
        ((x, w, HEIGHT) for x, w in _stretches(days, season)),
    )
    months = [n for n in range(1, len(season)) if season[n].month != season[n - 1].month]
    lines = format_html_join("", '<path d="M{} 0V{}"/>', ((n, HEIGHT) for n in months))
    return format_html(
        '<svg class="strip s-{}" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">'
        "<title>{}</title>{}{}</svg>",
        states.of(str(finding.weight)).slug,
        len(season),
        HEIGHT,
        words,
        words,
        lines,
        marks,
    )


def _stretches(days: Iterable[date], season: Sequence[date]) -> list[tuple[int, int]]:
    """Return (position, width) of each stretch; a single date is widened to be visible."""
    found: list[list[int]] = []
    for place in sorted({bisect_left(season, day) for day in days}):
        if found and place <= found[-1][1] + 1:
            found[-1][1] = place
        else:
            found.append([place, place])
    return [(first, max(last - first + 1, LEAST)) for first, last in found]
