"""Tags that render a listing: `{% table %}` and `{% pager %}`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django import template
from django.core.paginator import Page
from django.http import QueryDict
from django.template import Context, Node, NodeList
from django.template.base import FilterExpression, Parser, Token, kwarg_re
from django.utils.safestring import SafeString

from backfill.processors.registry import PROCESSORS
from webapp.ui import states
from webapp.ui.tables import ListColumn, Pager, parse_columns

register = template.Library()


class TableNode(Node):
    """Table around its rows, or the empty state if there are no rows."""

    child_nodelists = ("rows", "empty")

    def __init__(
        self,
        positional: Sequence[FilterExpression],
        named: dict[str, FilterExpression],
        rows: NodeList,
        empty: NodeList,
    ) -> None:
        self.positional, self.named, self.rows, self.empty = positional, named, rows, empty

    def render(self, context: Context) -> SafeString:
        """Render `_table.html`."""
        caption, *headings = (value.resolve(context) for value in self.positional)
        options = {name: value.resolve(context) for name, value in self.named.items()}
        order = options.get("order", "")
        shown = {
            "caption": caption,
            "columns": [
                {"is": column, "sorted": column.direction(order), "next": column.next_order(order)}
                for column in parse_columns(headings)
            ],
            "rows": self.rows.render(context),
            **options,
        }
        if not shown["rows"].strip() and self.empty:
            shown["empty"] = self.empty.render(context)
        engine = context.template.engine  # type: ignore[union-attr]
        return engine.get_template("_table.html").render(context.new(shown))


@register.tag
def table(parser: Parser, token: Token) -> TableNode:
    """Render rows as a table: `{% table CAPTION HEADING… name=value… %}rows{% endtable %}`, with
    the empty state after `{% empty %}`.

    A heading is a ListColumn, its short form, or a list of either. Options: `order`, the current
    order; `path` and `target`, the URL of sort links and the element that htmx replaces with it;
    `kind` and `wrap`, CSS classes of the table and of its scroll container; `visible` shows the
    caption, which is otherwise for screen readers only.
    """
    positional, named = [], {}
    for bit in token.split_contents()[1:]:
        name, value = kwarg_re.match(bit).groups()  # type: ignore[union-attr]
        if name:
            named[name] = parser.compile_filter(value)
        else:
            positional.append(parser.compile_filter(value))
    rows, empty = parser.parse(("empty", "endtable")), NodeList()
    if parser.next_token().contents == "empty":
        empty = parser.parse(("endtable",))
        parser.delete_first_token()
    return TableNode(positional, named, rows, empty)


@register.filter
def state_columns(names: Iterable[str]) -> list[ListColumn]:
    """Return a numeric column per state."""
    words = (states.of(name).label for name in names)
    return [ListColumn(heading=word[:1].upper() + word[1:], numeric=True) for word in words]


@register.filter
def processor_columns(codes: Iterable[str]) -> list[ListColumn]:
    """Return a column per processor, with its full name on hover."""
    return [ListColumn(heading=code, hint=PROCESSORS[code].label) for code in codes]


@register.inclusion_tag("_pager.html", takes_context=True)
def pager(
    context: Context,
    page: Page[Any] | Pager,
    path: str = "",
    target: str = "",
    query: str | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Render links to the previous and the next page, and the position; nothing for a single page.

    `path` is the URL without page number; `query` replaces the request's other parameters;
    `target` is the element that htmx replaces, `push` also pushes the URL;
    `label` names one of two. The view reads `size`, the rows per page.
    """
    request = context["request"]
    return {
        "request": request,
        "pager": page if isinstance(page, Pager) else Pager.of(page),
        "path": path,
        "target": target,
        "query": request.GET if query is None else QueryDict(query),
        **options,
    }
