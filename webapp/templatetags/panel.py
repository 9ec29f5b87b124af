"""Template tags and filters of every page: icons, states, processors, durations, charts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django import template
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import escape, format_html, format_html_join, json_script
from django.utils.safestring import SafeString

from backfill.models import SYSTEM, Finding, Job, Run
from backfill.processors.registry import PROCESSORS
from validation.findings import kind_labels
from webapp import keys
from webapp.auth.permissions import OPERATORS_ONLY
from webapp.pages.guide import glossary, topics
from webapp.ui import states, tab_title
from webapp.ui.charts import RateChart
from webapp.ui.links import with_query

register = template.Library()
CHECK_LABELS = {"defensive": "upstream check", "trigger": "Phase 5 trigger"}
SYSTEM_ACTORS = (SYSTEM, "sweep")
CHART_KEYS = (
    "Arrow keys move between points, Enter opens one, Shift with arrow keys selects a range. "
    "The table below has the same numbers."
)
NUMBERS = SafeString(' class="num"')


@register.simple_tag
def icon(name: str) -> SafeString:
    """Return a vendored icon, hidden from screen readers: a label stands next to it."""
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        static("vendor/icons.svg"),
        name,
    )


@register.simple_tag
def state(name: str) -> SafeString:
    """Return the badge of a state: shape, color, word, and its detail as quieter text."""
    found = states.of(name)
    detail = (
        format_html(' <span class="state-detail">{}</span>', found.detail) if found.detail else ""
    )
    return format_html(
        '<span class="state s-{}"><i aria-hidden="true">{}</i><span>{}{}</span></span>',
        found.slug,
        found.shape,
        found.word,
        detail,
    )


@register.simple_tag
def finding_state(name: str) -> SafeString:
    """Return the badge of a finding's state."""
    return state(f"marked {name}" if name == Finding.State.EXPECTED else name)


@register.filter
def state_slug(name: str) -> str:
    """Return the CSS class of a state without its `s-`."""
    return states.of(name).slug


@register.filter
def state_shape(name: str) -> str:
    """Return the shape of a state, which distinguishes it without color."""
    return states.of(name).shape


@register.filter
def state_word(name: str) -> str:
    """Return the word of a state with its detail."""
    return states.of(name).label


@register.simple_tag
def job_title(job: Job) -> str:
    """Return the state and the progress of a job, for the title of a tab."""
    return tab_title.read(job)


@register.simple_tag
def run_title(run: Run) -> str:
    """Return the state of a run, for the title of a tab."""
    return tab_title.of_run(run)


@register.simple_tag
def processor(code: object) -> SafeString:
    """Return a processor's code with its full name on hover; any other text unchanged."""
    known = PROCESSORS.get(str(code))
    if known is None:
        return escape(code)
    return format_html('<abbr title="{}">{}</abbr>', known.label, known.code)


@register.simple_tag
def processors(codes: Iterable[object]) -> SafeString:
    """Return several codes, each with its full name on hover."""
    return format_html_join(" ", "{}", ((processor(code),) for code in codes))


@register.filter
def processor_label(code: object) -> str:
    """Return the full name of a processor; empty for any other text."""
    known = PROCESSORS.get(str(code))
    return known.label if known else ""


@register.filter
def kind_label(name: str) -> str:
    """Return the label of a finding kind, by its stored name."""
    return kind_labels.label(name)


@register.filter
def check_label(name: str) -> str:
    """Return the label of a check of normal mode, by its stored name."""
    return CHECK_LABELS.get(name, name)


@register.filter
def actor(name: str) -> str:
    """Return a stored actor for display: `system`, `worker HOST PID` or a user."""
    if name in SYSTEM_ACTORS:
        return "system"
    return re.sub(r"^worker (\d+)@(.+)$", r"worker \2 \1", name)


@register.filter
def worker(name: str) -> str:
    """Return host and process number of a stored worker, without its start time."""
    return " ".join(name.split()[:2])


@register.filter
def breaks(text: object) -> SafeString:
    """Return a text that breaks after underscores and dots, so that table names wrap between
    their words, and not inside dates.
    """
    words = re.sub(r"(?<=[_.])(?=\w)", "<wbr>", escape(text))
    return SafeString(re.sub(r"\b\d{4}-\d\d-\d\d\b", r'<span class="nowrap">\g<0></span>', words))


@register.filter
def get(mapping: dict[Any, Any], key: object) -> Any:
    """Return the value of a key that is a template variable, or None."""
    return mapping.get(key)


@register.filter
def cell(value: object, is_number: bool) -> SafeString:
    """Return a value of a query's result as a table cell: numbers aligned right, NULL as a dash."""
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
    """Return a duration down to milliseconds; a dash for None."""
    return "–" if value is None else f"{value:.3f} s" if value < 1 else seconds(value)


@register.filter
def total(counts: dict[str, int]) -> int:
    """Return the sum of the counts."""
    return sum(counts.values())


@register.filter
def ticks(text: object) -> SafeString:
    """Return a sentence with its text between backticks as code, commands ready to run."""
    parts = str(text).split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    marked = (
        format_html("<code>{}</code>", re.sub(r"^manage\.py ", "./manage.py ", part))
        if n % 2
        else part
        for n, part in enumerate(parts)
    )
    return format_html_join("", "{}", ((part,) for part in marked))


@register.filter
def percent(share: float | None, digits: int = 1) -> str:
    """Return a share from 0 to 1 as a percentage such as `27.5 %`; a dash for None."""
    return "–" if share is None else f"{100 * share:.{digits}f} %"


@register.filter
def points(share: float | None) -> str:
    """Return a difference of shares in points, with its sign: `+1.5`; a dash for None."""
    text = "–" if share is None else f"{100 * share:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text


@register.filter
def all_expected(found: Iterable[Any]) -> bool:
    """Return whether all failures of these points are expected."""
    return all(point.all_expected for point in found)


@register.filter
def seconds(value: float | None) -> str:
    """Return a duration: `0.8 s`, `42 s`, `3 min 20 s`, `2 h 5 min`; a dash for None."""
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
def chart(name: str, drawn: RateChart) -> SafeString:
    """Return the placeholder and data of a Plotly figure, drawn by static/js/charts.js, with its
    summary as caption.
    """
    return format_html(
        '{}<figure class="figure" aria-labelledby="{name}-label"><div class="chart" data-chart="{name}" id="{name}-chart"'
        ' data-brush="{}" data-brush-url="{}" tabindex="0" role="application" aria-roledescription="chart"'
        ' aria-labelledby="{name}-label" aria-describedby="{name}-summary {name}-keys"></div><figcaption>'
        '<span class="visually-hidden" id="{name}-label">{}</span><span id="{name}-summary">{}</span>'
        ' <span class="visually-hidden" id="{name}-keys">{}</span></figcaption></figure>',
        json_script(drawn.figure, name),
        drawn.brush["name"],
        drawn.brush["url"],
        drawn.label,
        drawn.summary,
        CHART_KEYS,
        name=name,
    )


@register.simple_tag
def count(number: int | None, url: str = "") -> SafeString:
    """Return a number as a link to the list that it counts; plain if zero or without a list, a
    dash for None.
    """
    if number is None:
        return SafeString("–")
    if not number or not url:
        return format_html("{}", f"{number:,}")
    return format_html(
        '<a class="count" href="{}" data-count="{}">{}</a>', url, number, f"{number:,}"
    )


@register.simple_tag
def results(number: int | None, **filters: object) -> SafeString:
    """Return a number as a link to the results that it counts; `only` is the filter `with`."""
    given = {"with" if name == "only" else name: value for name, value in filters.items()}
    return count(number, with_query(reverse("results"), **given))


@register.simple_tag
def planned(number: int, path: str, query: str, code: str, action: str) -> SafeString:
    """Return a number of a plan as a link to its dates; `query` is that of the plan."""
    return count(number, f"{path}?{query}&{urlencode({'of': code, 'planned': action})}")


@register.simple_tag
def entities(number: int | None, day: date, code: str, category: str = "") -> SafeString:
    """Return a number of entities as a link to them, on a processor and date."""
    url = with_query(reverse("entities", args=[day, code]), category=category)
    return count(number, url)


@register.simple_tag
def guide(topic: str, words: str, anchor: str = "") -> SafeString:
    """Link to a topic of the guide, or to one of its headings."""
    return format_html('<a class="guide-link" href="{}">{}</a>', topics.url(topic, anchor), words)


@register.simple_tag(name="term")
def term_link(name: str, words: str = "") -> SafeString:
    """Link a glossary term to its entry, with its meaning on hover. Raises KeyError."""
    return _term_link(glossary.BY_NAME[name.lower()], words or name)


@register.filter(name="term")
def term_of_word(word: object) -> SafeString:
    """Return a word, such as a state, linked to its glossary entry where it has one."""
    found = glossary.find(str(word))
    return escape(word) if found is None else _term_link(found, str(word))


def _term_link(term: glossary.Term, words: str) -> SafeString:
    return format_html('<a class="term" href="{}" title="{}">{}</a>', term.url, term.meaning, words)


@register.simple_tag
def heading(anchor: str, words: str) -> SafeString:
    """Return a heading with an anchor, so that other pages can link to it."""
    return format_html(
        '<h2 id="{}"><a class="anchor" href="#{}">{}</a></h2>', anchor, anchor, words
    )


@register.simple_tag
def operators_only() -> str:
    """Return the reason next to a button that is disabled for viewers."""
    return OPERATORS_ONLY


@register.inclusion_tag("_key_list.html")
def key_list(section: keys.Section | None = None) -> dict[str, Any]:
    """Return the shortcuts of one section of the guide, or all shortcuts."""
    sections = keys.SECTIONS if section is None else (section,)
    return {"shortcuts": [shortcut for found in sections for shortcut in found.shortcuts]}


@register.simple_tag
def key_table() -> SafeString:
    """Return the shortcuts as JSON for static/js/backcourt.js."""
    return json_script(keys.TABLE, "keys-table")
