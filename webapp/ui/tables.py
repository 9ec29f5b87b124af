"""Columns and pagers of listings, and the parameters `page` and `sort` of their URLs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Page, Paginator
from django.http import QueryDict

from backfill.errors import Refused
from webapp.ui.query_params import whole


@dataclass(frozen=True, kw_only=True)
class ListColumn:
    """A column of a listing. `order` is its value of the parameter `sort`, empty for a column
    without sort link; a `numeric` one is aligned right; the heading of a `hidden` one is for
    screen readers only; the heading of a `term` links to its glossary entry.
    """

    heading: str
    order: str = ""
    numeric: bool = False
    hidden: bool = False
    term: bool = False
    hint: str = ""
    descending_first: bool = False

    @classmethod
    def parse(cls, text: str) -> ListColumn:
        """Read the short form used in templates: "#Rows" is numeric, "-Actions" is hidden,
        "#?Day" is numeric and a glossary term, and a hint follows a bar, as in "#Bugs|failures
        caused by impossible data".
        """
        heading, _, hint = text.lstrip("#-?").partition("|")
        marks = text[: len(text) - len(text.lstrip("#-?"))]
        return cls(
            heading=heading, hint=hint, numeric="#" in marks, hidden="-" in marks, term="?" in marks
        )

    def direction(self, order: str) -> str:
        """The value of aria-sort while the listing is in this order; empty for another column's."""
        if not self.order or order.removeprefix("-") != self.order:
            return ""
        return "descending" if order.startswith("-") else "ascending"

    def next_order(self, order: str) -> str:
        """The order that the sort link selects: this column, or its other direction."""
        descending = self.direction(order) == "ascending" or (
            self.descending_first and not self.direction(order)
        )
        return f"-{self.order}" if descending else self.order


def parse_columns(headings: Iterable[Any]) -> Iterator[ListColumn]:
    """Columns from short forms, columns, and lists of these."""
    for heading in headings:
        if isinstance(heading, ListColumn):
            yield heading
        elif isinstance(heading, str):
            yield ListColumn.parse(heading)
        else:
            yield from parse_columns(heading)


def parse_order(query: QueryDict, orders: Iterable[str], noun: str, default: str = "") -> str:
    """The order from the parameter `sort`, descending with a leading minus. Raises Refused."""
    order = query.get("sort") or default
    if order and order.removeprefix("-") not in (known := list(orders)):
        raise Refused(f"{noun} are sorted by {', '.join(known)}, not by {order!r}")
    return order


# Rows per page that a reader can select, the default first.
PAGE_SIZES = (25, 50, 100, 200)


def page_size(query: QueryDict) -> int:
    """Return the rows per page of the parameter `size`. Raises Refused."""
    size = whole(query.get("size"), "size", PAGE_SIZES[0])
    if size not in PAGE_SIZES:
        raise Refused(f"size takes {', '.join(map(str, PAGE_SIZES))}, not {size}")
    return size


@dataclass(frozen=True, kw_only=True)
class Pager:
    """A page's position in its listing: rows `first` to `last`, of `total` where they are counted,
    the numbers of the previous and the next page, and the rows per page.
    """

    first: int
    last: int
    total: int | None = None
    previous: int | None = None
    next: int | None = None
    size: int = PAGE_SIZES[0]

    @property
    def sizes(self) -> tuple[int, ...]:
        """The rows per page to choose from; empty for a listing that fits on the shortest page."""
        fits = not (self.previous or self.next) and self.last <= PAGE_SIZES[0]
        return () if fits or self.size not in PAGE_SIZES else PAGE_SIZES

    @classmethod
    def of(cls, page: Page[Any]) -> Pager:
        """The position of a page of Django's paginator."""
        return cls(
            first=page.start_index(),
            last=page.end_index(),
            total=page.paginator.count,
            previous=page.previous_page_number() if page.has_previous() else None,
            next=page.next_page_number() if page.has_next() else None,
            size=page.paginator.per_page,
        )

    @classmethod
    def at(cls, number: int, size: int, shown: int, total: int | None, *, more: bool) -> Pager:
        """The position of page `number` of `size` rows, `shown` of them present."""
        before = (number - 1) * size
        return cls(
            first=before + 1,
            last=before + shown,
            total=total,
            previous=number - 1 if number > 1 else None,
            next=number + 1 if more else None,
            size=size,
        )


def paginate(items: Any, size: int, page: str | None) -> Page[Any]:
    """The page of the parameter `page`, the last one past the end. Raises Refused."""
    return Paginator(items, size).get_page(max(1, whole(page, "page", 1)))
