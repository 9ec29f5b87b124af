"""What every template can use: icons, states by shape and word, charts."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import template
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import escape, format_html, format_html_join, json_script
from django.utils.safestring import SafeString

from webapp import keys
from webapp.auth.permissions import OPERATORS_ONLY
from webapp.ui import states

register = template.Library()
NUMBERS = SafeString(' class="num"')


@register.simple_tag
def icon(name: str) -> SafeString:
    """One of the vendored icons, for eyes alone: the words stand beside it."""
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        static("vendor/icons.svg"),
        name,
    )


@register.simple_tag
def state(name: str) -> SafeString:
    """A state of anything as a badge: shape, colour and word."""
    found = states.of(name)
    return format_html(
        '<span class="state s-{}"><i aria-hidden="true">{}</i>{}</span>',
        found.slug,
        found.shape,
        found.word,
    )


@register.filter
def state_slug(name: str) -> str:
    """The CSS class of a state, without its `s-`."""
    return states.of(name).slug


@register.filter
def state_shape(name: str) -> str:
    """The shape of a state: it can be told apart without its colour."""
    return states.of(name).shape


@register.filter
def state_word(name: str) -> str:
    """The word for a state."""
    return states.of(name).word


@register.filter
def get(mapping: dict[Any, Any], key: object) -> Any:
    """A value of a dict by a key that is a variable; None when it is not there."""
    return mapping.get(key)


@register.filter
def cell(value: object, is_number: bool) -> SafeString:
    """A value of a query's result as a table cell: a column of numbers to the right, NULL as a
    dash.
    """
    words = (
        f"{value:,}"
        if isinstance(value, int | float | Decimal) and not isinstance(value, bool)
        else value
    )
    return format_html(
        "<td{}>{}</td>", NUMBERS if is_number else "", "–" if value is None else words
    )


@register.filter
def brief(value: float | None) -> str:
    """A duration that may be of milliseconds; a dash when there is none."""
    return "–" if value is None else f"{value:.3f} s" if value < 1 else seconds(value)


@register.filter
def total(counts: dict[str, int]) -> int:
    """All counts of a dict together."""
    return sum(counts.values())


@register.filter
def ticks(text: object) -> SafeString:
    """A sentence in which what stands between backticks is shown as code."""
    parts = str(text).split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    marked = (
        format_html("<code>{}</code>", part) if n % 2 else part for n, part in enumerate(parts)
    )
    return format_html_join("", "{}", ((part,) for part in marked))


@register.filter
def percent(share: float | None, digits: int = 1) -> str:
    """A share of one, in percent; a dash when there is none."""
    return "–" if share is None else f"{100 * share:.{digits}f} %"


@register.filter
def seconds(value: float | None) -> str:
    """A duration as people say it: 0.8 s, 42 s, 3 min 20 s, 2 h 5 min."""
    if value is None:
        return "–"
    if value < 10:
        return f"{value:.1f} s"
    whole = round(value)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


@register.simple_tag
def chart(name: str, figure: dict[str, Any]) -> SafeString:
    """A place for a Plotly figure and its data; static/js/charts.js draws it."""
    return format_html(
        '{}<div class="chart" data-chart="{}" id="{}-chart"></div>',
        json_script(figure, name),
        name,
        name,
    )


@register.simple_tag
def guide(topic: str, words: str, anchor: str = "") -> SafeString:
    """A small link to a topic of the guide, or to one of its headings."""
    url = reverse("topic", args=[topic]) + (f"#{anchor}" if anchor else "")
    return format_html('<a class="guide-link" href="{}">{}</a>', url, words)


@register.simple_tag
def heading(anchor: str, words: str) -> SafeString:
    """A heading of a page that others link to: it has an address of its own."""
    return format_html(
        '<h2 id="{}"><a class="anchor" href="#{}">{}</a></h2>', anchor, anchor, words
    )


@register.simple_tag
def operators_only() -> str:
    """The words beside a button that a viewer cannot press."""
    return OPERATORS_ONLY


@register.inclusion_tag("_key_list.html")
def key_list(section: keys.Section | None = None) -> dict[str, Any]:
    """The shortcuts of one section of the guide, or all of them."""
    sections = keys.SECTIONS if section is None else (section,)
    return {"shortcuts": [shortcut for found in sections for shortcut in found.shortcuts]}


@register.simple_tag
def key_table() -> SafeString:
    """The shortcuts as static/js/backcourt.js reads them."""
    return json_script(keys.TABLE, "keys-table")
