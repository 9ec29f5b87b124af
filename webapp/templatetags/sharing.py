"""Page content that users of a role share for a second, so that a burst of pages costs as one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import template
from django.conf import settings
from django.template.base import NodeList, Parser, Token
from django.template.context import Context
from django.utils.safestring import SafeString

from webapp.middleware.own_writes import latest_write
from webapp.ui.shared_cache import shared

register = template.Library()


class LazyContext(dict[str, Any]):
    """Context that is computed when a name is first looked up."""

    def __init__(self, make: Callable[[], dict[str, Any]]) -> None:
        super().__init__()
        self.make: Callable[[], dict[str, Any]] | None = make

    def __contains__(self, name: object) -> bool:
        if make := self.make:
            self.make = None
            self.update(make())
        return super().__contains__(name)


class SharedNode(template.Node):
    """Content, rendered at most once a second per URL and role if the view sets `shared_context`.

    That function returns the rest of the context. Such content shows nothing of the user but the
    role, and has no CSRF token.
    """

    def __init__(self, nodelist: NodeList) -> None:
        self.nodelist = nodelist

    def render(self, context: Context) -> SafeString:
        """Return the content."""
        make = context.get("shared_context")
        if not make:
            return self.nodelist.render(context)
        request = context["request"]
        if getattr(request, "live", None):
            return self._polled(context, make)
        key = f"page {request.get_full_path()} {request.user.role} {latest_write(request)}"
        return shared(key, settings.SHARED_SECONDS, lambda: self._rendered(context, make))

    def _polled(self, context: Context, make: Callable[[], dict[str, Any]]) -> SafeString:
        """Render the parts that have changed; the kept ones need no context."""
        context.dicts.insert(0, LazyContext(make))
        try:
            return self.nodelist.render(context)
        finally:
            del context.dicts[0]

    def _rendered(self, context: Context, make: Callable[[], dict[str, Any]]) -> SafeString:
        with context.push(**make()):
            return self.nodelist.render(context)


@register.tag("shared")
def shared_tag(parser: Parser, token: Token) -> SharedNode:
    """Parse {% shared %}...{% endshared %}."""
    nodelist = parser.parse(("endshared",))
    parser.delete_first_token()
    return SharedNode(nodelist)
