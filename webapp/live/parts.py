"""Parts of a page that change while it is open, and the difference to what a browser shows."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from html import escape

from django.core.cache import cache

from webapp.live.stamps import stamps_of

KEPT_SECONDS = 30
# A page that changes all the time is rendered again after this multiple of its last rendering.
REST, MOST_REST_SECONDS = 20, 0.9
# Forms get their token from the cookie when they are sent (static/js/backcourt.js).
TOKEN = re.compile(r'<input type="hidden" name="csrfmiddlewaretoken"[^>]*>')
CELL = re.compile(r'<a class="cell [^<>]*? id="([^"<>]+)"[^<>]*>[^<]*</a>')
SEEN = re.compile(r"([^\s:]+):([0-9a-f]{16})")


@dataclass(frozen=True, kw_only=True)
class Part:
    """Rendered part: the id of its element, its topics, and its HTML without form tokens."""

    name: str
    topics: tuple[str, ...]
    digest: str
    html: str

    @classmethod
    def of(cls, name: str, topics: tuple[str, ...], html: str) -> Part:
        """Return the part; its element carries the digest."""
        html = TOKEN.sub("", html).strip()
        digest = blake2b(html.encode(), digest_size=8).hexdigest()
        return cls(name=name, topics=topics, digest=digest, html=marked(html, name, digest))

    def keep(self) -> None:
        """Keep a grid for its difference to the next version."""
        if self.is_grid:
            cache.set(f"live-part-{self.digest}", self.html, KEPT_SECONDS)

    @property
    def is_grid(self) -> bool:
        return 'class="cell ' in self.html

    def since(self, digest: str) -> str:
        """Return the HTML for a browser that shows another version: the changed grid cells if
        nothing else differs, else the whole part.
        """
        before = cache.get(f"live-part-{digest}") if self.is_grid else None
        cells = _changed_cells(before, self.html) if before else None
        if cells is None:
            return self.html
        return f'<template data-cells="{escape(self.name)}" data-digest="{self.digest}">{"".join(cells)}</template>'


def marked(html: str, name: str, digest: str) -> str:
    """Return the HTML with the digest after the id of its element."""
    return html.replace(f' id="{name}"', f' id="{name}" data-live="{digest}"', 1)


def _changed_cells(before: str, after: str) -> list[str] | None:
    """Return the cells of `after` that differ; None if anything else differs."""
    known = {match[1]: match[0] for match in CELL.finditer(before)}
    found = {match[1]: match[0] for match in CELL.finditer(after)}
    if known.keys() != found.keys() or _frame(before) != _frame(after):
        return None
    return [html for name, html in found.items() if html != known[name]]


def _frame(html: str) -> str:
    return re.sub(r' data-live="\w+"', "", CELL.sub("", html), count=1)


@dataclass(frozen=True)
class LiveParts:
    """All parts of a page, and the stamps read before they were rendered."""

    stamps: Mapping[str, str]
    parts: Mapping[str, Part]
    current_until: float  # on the clock time.monotonic()

    @property
    def is_current(self) -> bool:
        """Return whether the parts are a moment old, or no topic of theirs has changed since."""
        return time.monotonic() < self.current_until or self.stamps == stamps_of(self.stamps)

    def since(self, seen: Mapping[str, str]) -> str:
        """Return the changed HTML for a browser that shows these digests by part; empty if none."""
        return "".join(
            self.parts[name].since(digest)
            for name, digest in seen.items()
            if name in self.parts and self.parts[name].digest != digest
        )


@dataclass(kw_only=True)
class Recorder:
    """Collects the parts while a page is rendered; takes unchanged ones from the last rendering."""

    last: LiveParts | None = None
    is_personal: bool = False
    began: float = field(default_factory=time.monotonic)
    stamps: dict[str, str] = field(default_factory=dict)
    parts: dict[str, Part] = field(default_factory=dict)

    def reused(self, name: str, topics: Sequence[str]) -> bool:
        """Return whether the last rendering of a part is still current; then keep it."""
        for topic in topics:
            self.stamps.setdefault(topic, stamps_of([topic])[topic])
        part = self.last.parts.get(name) if self.last else None
        if not part or not self.last or part.topics != tuple(topics):
            return False
        if any(self.last.stamps[topic] != self.stamps[topic] for topic in topics):
            return False
        self.parts[name] = part
        return True

    def add(self, part: Part) -> None:
        """Record a rendered part, and keep it for the difference to the next one."""
        self.parts[part.name] = part
        part.keep()

    def recorded(self) -> LiveParts:
        """Return all parts of the page."""
        now = time.monotonic()
        rest = min(MOST_REST_SECONDS, REST * (now - self.began))
        return LiveParts(self.stamps, self.parts, now + rest)


def parse_seen(header: str) -> dict[str, str]:
    """Return the digests by part that a browser sends."""
    return dict(_pairs(header))


def _pairs(header: str) -> Iterator[tuple[str, str]]:
    for match in SEEN.finditer(header):
        yield match[1], match[2]
