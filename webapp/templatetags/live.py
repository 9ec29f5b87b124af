"""`{% live %}`: a part of a page that stays current while the page is open."""

from __future__ import annotations

from django import template
from django.template import Context, Node, NodeList
from django.template.base import FilterExpression, Parser, Token, kwarg_re
from django.utils.safestring import SafeString

from webapp.live.parts import Part, marked
from webapp.live.stamps import TOPICS

register = template.Library()


class LiveNode(Node):
    """One element with an id; a poll sends it again when its HTML has changed."""

    def __init__(
        self, name: FilterExpression, topics: tuple[str, ...], nodelist: NodeList, *, personal: bool
    ) -> None:
        self.name, self.topics, self.nodelist, self.personal = name, topics, nodelist, personal

    def render(self, context: Context) -> SafeString:
        """Return the element with its digest; in a poll, record it unless nothing has changed."""
        poll = getattr(context.get("request"), "live", None)
        name = str(self.name.resolve(context))
        if not poll:
            html = self.nodelist.render(context).strip()
            part = Part.of(name, self.topics, html)
            part.keep()
            return SafeString(marked(html, name, part.digest))
        poll.recorder.is_personal |= self.personal
        if not poll.recorder.reused(name, self.topics):
            with context.push(csrf_token="of-the-browser"):
                html = self.nodelist.render(context)
            poll.recorder.add(Part.of(name, self.topics, html))
        return SafeString("")


@register.tag
def live(parser: Parser, token: Token) -> LiveNode:
    """Parse {% live NAME on="TOPIC…" %}…{% endlive %}.

    The content is one element with the id NAME. The topics (webapp/live/stamps.py) are the changes
    on which it depends. With `personal=True` it differs between users of a role.
    """
    _, name, *options = token.split_contents()
    named = {}
    for bit in options:
        key, value = kwarg_re.match(bit).groups()  # type: ignore[union-attr]
        named[key] = parser.compile_filter(value).resolve(Context())
    topics = tuple(named["on"].split())
    if unknown := set(topics) - TOPICS.keys():
        raise template.TemplateSyntaxError(f"unknown topics {sorted(unknown)}")
    nodelist = parser.parse(("endlive",))
    parser.delete_first_token()
    return LiveNode(
        parser.compile_filter(name), topics, nodelist, personal=bool(named.get("personal"))
    )


class StillNode(Node):
    """Content that a poll does not render, because it contains no live part."""

    def __init__(self, nodelist: NodeList) -> None:
        self.nodelist = nodelist

    def render(self, context: Context) -> SafeString:
        """Return the content; nothing in a poll."""
        if getattr(context.get("request"), "live", None):
            return SafeString("")
        return self.nodelist.render(context)


@register.tag
def still(parser: Parser, token: Token) -> StillNode:
    """Parse {% still %}…{% endstill %}."""
    nodelist = parser.parse(("endstill",))
    parser.delete_first_token()
    return StillNode(nodelist)
