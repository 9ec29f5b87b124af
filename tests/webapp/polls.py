"""An open page, as static/js/live.js keeps it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from django.test import Client

LIVE = re.compile(r'id="([\w-]+)" data-live="([0-9a-f]{16})"')
CELLS = re.compile(r'<template data-cells="([\w-]+)" data-digest="([0-9a-f]{16})">')


@dataclass
class OpenPage:
    """Page with the digest of each part; `poll` applies the changes."""

    client: Client
    url: str
    seen: dict[str, str] = field(default_factory=dict)
    ticket: str = ""
    html: str = ""

    @classmethod
    def of(cls, client: Client, url: str) -> OpenPage:
        """Open the page."""
        html = client.get(url).content.decode()
        return cls(client, url, dict(LIVE.findall(html)), html=html)

    def answer(self) -> Any:
        """Send one poll."""
        seen = " ".join(f"{name}:{digest}" for name, digest in self.seen.items())
        headers = {"X-Live": seen, "X-Live-Ticket": self.ticket}
        return self.client.get(self.url, headers=headers)

    def poll(self) -> dict[str, str]:
        """Poll; return the new digests of the changed parts."""
        answer = self.answer()
        assert answer.status_code in (200, 204), answer.status_code
        self.ticket = answer.headers.get("X-Live-Ticket", self.ticket)
        self.html = answer.content.decode()
        changed = dict(LIVE.findall(self.html)) | dict(CELLS.findall(self.html))
        assert bool(changed) == (answer.status_code == 200)
        self.seen |= changed
        return changed
