"""Grid of dates × processors: blocks of months, a column per date, a row per processor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from itertools import groupby

from django.utils.safestring import SafeString

from backfill.processors.registry import CHAIN
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
    """Rendered cells of one month, column by column."""

    name: str
    cells: tuple[SafeString, ...]


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
    """Render the cells of these dates; `name` is the prefix of their ids."""
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
    """Return a cell as a link; with `swapped`, htmx replaces the cell of the same id."""
    # format_html takes ten times as long for a season's grid, so data is escaped here.
    found, title, tab = states.of(cell.state), escape(cell.title), 0 if col == row == 0 else -1
    return SafeString(
        f'<a class="cell s-{found.slug}" id="{escape(name)}-{escape(cell.processor)}-{cell.date}" href="{escape(cell.url)}"'
        f' data-col="{col}" data-row="{row}" tabindex="{tab}" title="{title}" aria-label="{title}"'
        f"{SWAPPED if swapped else ''}>{found.shape}</a>"
    )


SWAPPED = ' hx-swap-oob="true"'


def in_order(counts: Mapping[str, int]) -> dict[str, int]:
    """Return the number of cells per state that occurs, in the order of the legend."""
    return {state: counts[state] for state in states.STATES if counts.get(state)}
