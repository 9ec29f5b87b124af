"""Colors of the stylesheet: readable text, and states distinguishable for color-blind users."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
CSS = "".join(
    (ROOT / "static" / "css" / f"{name}.css").read_text(encoding="utf-8")
    for name in ("base", "states", "pages")
)
# Classes whose names are composed at run time, or set by Django and HTMX.
COMPOSED = ("s-", "f-", "log-", "rows-", "alert-", "errorlist", "htmx-")
Color = tuple[float, float, float]  # linear light, 0 to 1

# Linear light as seen without the cones for green or for red (Machado, Oliveira and Fernandes 2009,
# severity 1).
BLINDNESS = {
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
}
# States that must be distinguishable; adjacent cells in a grid need a distance of at least 12.
# `calm` is the one color of a healthy season; `complete` and `expected` are those of bars.
APART = ("calm", "outside", "failed", "blocked", "running")
BARS = ("complete", "expected", "outside", "failed", "blocked", "running")
TOLD_APART = 12.0
TEXT, SHAPE = 4.5, 3.0  # contrast, by WCAG 2.2 for text and for graphical objects
ON_LIGHT = ("expected", "unjudged", "running")


def variables(theme: str) -> dict[str, str]:
    """Return the custom properties of a theme; dark inherits the others from light."""
    light, dark = (
        CSS.partition(":root {")[2].partition("}")[0],
        CSS.partition('[data-bs-theme="dark"] {')[2].partition("}")[0],
    )
    found = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", light))
    return found | (
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", dark)) if theme == "dark" else {}
    )


def linear(text: str) -> Color:
    parts = [int(text[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return red, green, blue


def luminance(color: Color) -> float:
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), color, strict=True))


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(linear(one)), luminance(linear(other))))
    return (high + 0.05) / (low + 0.05)


def seen(color: Color, eyes: str) -> Color:
    red, green, blue = (
        min(1, max(0, sum(w * p for w, p in zip(row, color, strict=True))))
        for row in BLINDNESS[eyes]
    )
    return red, green, blue


def lab(color: Color) -> Color:
    """Convert to CIE L*a*b* under D65."""
    matrix = (0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505)
    white = 0.9505, 1.0, 1.089
    xyz = [
        sum(w * p for w, p in zip(row, color, strict=True)) / n
        for row, n in zip(matrix, white, strict=True)
    ]
    x, y, z = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in xyz)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def distance(one: Color, other: Color) -> float:
    return float(sum((a - b) ** 2 for a, b in zip(lab(one), lab(other), strict=True)) ** 0.5)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("eyes", BLINDNESS)
def test_states_can_be_told_apart_without_red_or_green(theme: str, eyes: str) -> None:
    known = variables(theme)
    found = {name: seen(linear(known[f"s-{name}"]), eyes) for name in {*APART, *BARS}}
    pairs = [*combinations(APART, 2), *combinations(BARS, 2)]
    near = {(a, b): round(distance(found[a], found[b])) for a, b in pairs}
    assert {pair: d for pair, d in near.items() if d < TOLD_APART} == {}


def test_the_theme_button_names_the_other_theme() -> None:
    nav = Path(settings.BASE_DIR / "templates" / "_nav.html").read_text(encoding="utf-8")
    assert (
        '<span class="when-light">Dark mode</span><span class="when-dark">Light mode</span>' in nav
    )
    assert (
        '[data-bs-theme="light"] .when-dark, [data-bs-theme="dark"] .when-light { display: none; }'
        in CSS
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read_on_every_ground(theme: str) -> None:
    known = variables(theme)
    pairs = [
        (ink, ground)
        for ink in ("ink", "ink-soft", "link", "s-failed", "s-outside")
        for ground in ("card", "paper")
    ]
    pairs += [("side-ink", "side"), ("brand-ink", "brand")]
    dim = {pair: round(contrast(known[pair[0]], known[pair[1]]), 2) for pair in pairs}
    large = {("s-outside", "card"), ("s-outside", "paper")}  # next to a shape, never a sentence
    assert {pair: c for pair, c in dim.items() if c < (SHAPE if pair in large else TEXT)} == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_shape_can_be_seen_on_every_state(theme: str) -> None:
    known = variables(theme)
    on = {"calm": "on-calm", **dict.fromkeys(ON_LIGHT, "on-light")}
    dim = {
        name: round(contrast(known[f"s-{name}"], known[on.get(name, "on-state")]), 2)
        for name in {*APART, *BARS, "outdated", "cancelled", "note", "unjudged"}
    }
    assert {name: c for name, c in dim.items() if c < SHAPE} == {}


def test_every_class_of_the_stylesheet_is_used() -> None:
    code = "".join(
        path.read_text(encoding="utf-8")
        for folder, suffix in (("templates", "html"), ("webapp", "py"), ("static/js", "js"))
        for path in (ROOT / folder).rglob(f"*.{suffix}")
    )
    words = set(re.findall(r"[\w-]+", code))
    classes = set(
        re.findall(r"\.([a-zA-Z][\w-]*)", re.sub(r"/\*.*?\*/|url\(.*?\)", "", CSS, flags=re.S))
    )
    assert sorted(name for name in classes - words if not name.startswith(COMPOSED)) == []


def test_healthy_states_share_one_color_in_a_grid() -> None:
    rules = re.findall(r"([^{}]*)\{ background: [^;]*var\(--s-calm\)", CSS)
    healthy = {name for rule in rules for name in re.findall(r"\.cell\.s-(\w+)", rule)}
    assert healthy == {"complete", "expected", "bootstrap"}
