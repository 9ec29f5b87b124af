"""Dates × processors as a grid: blocks of months, one column a date, one row a processor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from itertools import groupby

from django.utils.safestring import SafeString

from backfill.processors.registry import CHAIN
from webapp.ui import states


@dataclass(frozen=True)
class GridCell:
    """One (processor, date): how it stands, in one sentence, and where it leads."""

    processor: str
    date: date
    state: str
    title: str
    url: str


@dataclass(frozen=True)
class Month:
    """The dates of one month, their cells drawn."""

    name: str
    cells: tuple[SafeString, ...]


@dataclass(frozen=True)
class RenderedGrid:
    """What `_grid.html` shows: the names of the rows, the months, the states that occur."""

    names: tuple[str, ...]
    months: tuple[Month, ...]
    states: tuple[str, ...]


def draw(
    dates: Sequence[date],
    cell_of: Callable[[str, date], GridCell],
    codes: Sequence[str] = CHAIN,
    name: str = "cell",
) -> RenderedGrid:
    """Draw the cells of these dates; `name` begins their ids, so that one of them can be replaced
    by itself.
    """
    found: list[Month] = []
    seen: dict[str, None] = {}
    for (year, month), days in groupby(
        enumerate(dates), key=lambda item: (item[1].year, item[1].month)
    ):
        drawn = []
        for col, day in days:
            for row, code in enumerate(codes):
                cell = cell_of(code, day)
                seen[cell.state] = None
                drawn.append(as_html(cell, col, row, name))
        found.append(Month(f"{date(year, month, 1):%b %Y}", tuple(drawn)))
    return RenderedGrid(tuple(codes), tuple(found), tuple(s for s in states.STATES if s in seen))


def as_html(
    cell: GridCell, col: int, row: int, name: str = "cell", *, swapped: bool = False
) -> SafeString:
    """One cell as a link; `swapped`, it replaces the one of its id wherever that stands."""
    # Not format_html, which for a season's grid takes ten times as long: what comes from data is
    # escaped here, each once.
    found, title, tab = states.of(cell.state), escape(cell.title), 0 if col == row == 0 else -1
    return SafeString(
        f'<a class="cell s-{found.slug}" id="{escape(name)}-{escape(cell.processor)}-{cell.date}" href="{escape(cell.url)}"'
        f' data-col="{col}" data-row="{row}" tabindex="{tab}" title="{title}" aria-label="{title}"'
        f"{SWAPPED if swapped else ''}>{found.shape}</a>"
    )


SWAPPED = ' hx-swap-oob="true"'


def in_order(counts: Mapping[str, int]) -> dict[str, int]:
    """How many cells are in each state that occurs, in the order of the legend."""
    return {state: counts[state] for state in states.STATES if counts.get(state)}
