"""Grid of dates × processors: a calendar per month, a column per day, a row per processor."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from html import escape
from itertools import groupby

from django.utils.safestring import SafeString

from backfill.processors.registry import CHAIN
from validation.season import dates_between
from webapp.ui import states


@dataclass(frozen=True, kw_only=True)
class GridCell:
    """Cell of a (processor, date): state, tooltip and link."""

    processor: str
    date: date
    state: str
    title: str
    url: str


@dataclass(frozen=True)
class Month:
    """Calendar of a month: its first shown day, the rendered headings of its days, and the rendered
    cells of each row.
    """

    first: date
    days: SafeString
    rows: tuple[tuple[str, SafeString], ...]


@dataclass(frozen=True)
class RenderedGrid:
    """Context of `_grid.html`: row names, months, and the states of the legend."""

    names: tuple[str, ...]
    months: tuple[Month, ...]
    states: tuple[str, ...]


def draw(
    dates: Sequence[date],
    cell_of: Callable[[str, date], GridCell],
    codes: Sequence[str] = CHAIN,
    name: str = "cell",
) -> RenderedGrid:
    """Render the cells of these dates, with an empty column for each other day of their months;
    `name` is the prefix of the ids.
    """
    listed, seen, found = frozenset(dates), set[str](), []
    entry = (codes[0], min(listed)) if listed else None
    for _, month in groupby(_calendar(listed), key=lambda day: (day.year, day.month)):
        days, rows = list(month), []
        for code in codes:
            html = []
            for day in days:
                html.append("<td>")
                if day in listed:
                    cell = cell_of(code, day)
                    seen.add(cell.state)
                    html.append(as_html(cell, name, entry=(code, day) == entry))
            rows.append((code, SafeString("".join(html))))
        heads = SafeString("".join(_heading(day, is_off=day not in listed) for day in days))
        found.append(Month(days[0], heads, tuple(rows)))
    return RenderedGrid(tuple(codes), tuple(found), tuple(s for s in states.STATES if s in seen))


def _calendar(dates: frozenset[date]) -> Iterator[date]:
    """Yield the calendar days from the first to the last date, without months that have no date."""
    months = {(day.year, day.month) for day in dates}
    if dates:
        yield from (d for d in dates_between(min(dates), max(dates)) if (d.year, d.month) in months)


@lru_cache(maxsize=4096)
def _heading(day: date, *, is_off: bool) -> str:
    """Return the heading of a day: its number on Mondays and on the 1st, else its weekday."""
    text = str(day.day) if day.weekday() == 0 or day.day == 1 else f"{day:%a}"[0]
    kind = ' class="off"' if is_off else f' data-day="{day}"'
    number = ' class="day-number"' if text.isdigit() else ""
    return f'<th scope="col"{kind} aria-label="{day:%a} {day.day}"><span{number}>{text}</span>'


def as_html(cell: GridCell, name: str = "cell", *, entry: bool = False) -> SafeString:
    """Return a cell as a link; `entry` marks the Tab stop of the grid."""
    # format_html takes ten times as long for a season's grid, so data is escaped here.
    found = states.of(cell.state)
    return SafeString(
        f'<a class="cell s-{found.slug}" id="{escape(name)}-{escape(cell.processor)}-{cell.date}" href="{escape(cell.url)}"'
        f' tabindex="{0 if entry else -1}" aria-label="{escape(cell.title)}"'
        f">{found.shape}</a>"
    )


def in_order(counts: Mapping[str, int]) -> dict[str, int]:
    """Return the number of cells per state that occurs, in the order of the legend."""
    return {state: counts[state] for state in states.STATES if counts.get(state)}
