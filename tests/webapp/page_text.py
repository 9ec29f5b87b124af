"""Texts of a rendered page: visible text with that of its charts, and labels by tag."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from tests.language import visible_text
from tests.webapp.page_links import JSON

# Without a separator, a number in one cell and a noun in the next would read as "1 runs".
BLOCK = re.compile(
    r"<(?=/?(?:td|th|tr|li|dt|dd|p|div|h[1-6]|option|label|summary|button|legend|caption|title|a)"
    r"\b)"
)
VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr")
)
LABELS = frozenset(("h1", "h2", "h3", "button", "a"))


@dataclass
class _Labels(HTMLParser):
    """Collects the texts of headings, buttons, links and state badges, without icons and code."""

    texts: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    path: list[tuple[str, str]] = field(default_factory=list)
    open: list[tuple[int, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in VOID:
            return
        for _, kind in self.open:
            self.texts[kind][-1] += " "
        given = {name: value or "" for name, value in attrs}
        classes = given.get("class", "").split()
        is_hidden = tag in ("code", "pre", "svg", "script") or given.get("aria-hidden") == "true"
        self.path.append((tag, "hidden" if is_hidden or "mono" in classes else ""))
        kind = "state" if "state" in classes else tag
        if kind == "state" or tag in LABELS:
            self.open.append((len(self.path), kind))
            self.texts[kind].append("")

    def handle_data(self, data: str) -> None:
        if any(mark for _, mark in self.path):
            return
        for _, kind in self.open:
            self.texts[kind][-1] += data

    def handle_endtag(self, tag: str) -> None:
        while self.path and tag in [name for name, _ in self.path]:
            closed, _ = self.path.pop()
            self.open = [one for one in self.open if one[0] <= len(self.path)]
            if closed == tag:
                return


@dataclass(frozen=True)
class Page:
    """URL name, visible text with that of charts, and labels by tag."""

    name: str
    text: str
    labels: dict[str, list[str]]

    @property
    def blocks(self) -> list[str]:
        """Texts of the page that no phrase crosses."""
        return self.text.split(" | ")

    @classmethod
    def parse(cls, name: str, html: str) -> Page:
        """Read a page or a fragment."""
        labels = _Labels()
        labels.feed(html)
        charts = " | ".join(
            text for data in JSON.findall(html) for text in _texts(json.loads(data))
        )
        return cls(name, f"{visible_text(BLOCK.sub(' | <', html))} | {charts}", labels.texts)


def _texts(value: Any) -> Iterator[str]:
    """Yield the strings of a chart's data that are not addresses."""
    if isinstance(value, str) and not value.startswith("/"):
        yield value
    elif isinstance(value, list | dict):
        for item in value if isinstance(value, list) else value.values():
            yield from _texts(item)
