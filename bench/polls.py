"""Live updates: CPU time of a poll, with nothing new and after 25 runs of a job have changed.

bench/panel.py prepares the seasons and calls this.
"""

from __future__ import annotations

import re
import statistics
import time
from typing import Any

from panel_setup import client, p95
from panel_urls import live_pages

LIVE = re.compile(r'id="([\w-]+)" data-live="([0-9a-f]{16})"')
CELLS = re.compile(r'<template data-cells="([\w-]+)" data-digest="([0-9a-f]{16})">')
CHANGED = 25  # runs between two polls


class OpenPage:
    """Page with the digest of each part, as a browser keeps it."""

    def __init__(self, url: str) -> None:
        self.url, self.client, self.seen, self.ticket = url, client(), dict[str, str](), ""
        self.client.defaults.pop("HTTP_ACCEPT_ENCODING", None)
        self.apply(self.client.get(url).content.decode())

    def apply(self, html: str) -> None:
        self.seen |= dict(LIVE.findall(html)) | dict(CELLS.findall(html))

    def poll(self) -> tuple[float, int]:
        """Return the CPU milliseconds of a poll, and the bytes of its answer."""
        seen = " ".join(f"{name}:{digest}" for name, digest in self.seen.items())
        headers = {"X-Live": seen, "X-Live-Ticket": self.ticket}
        began = time.process_time()
        answer: Any = self.client.get(self.url, headers=headers)
        taken = 1000 * (time.process_time() - began)
        if answer.status_code not in (200, 204):
            raise SystemExit(f"a poll of {self.url} answers {answer.status_code}")
        self.ticket = answer.headers.get("X-Live-Ticket", self.ticket)
        self.apply(answer.content.decode())
        return taken, len(answer.content)


def change(n: int) -> None:
    """Change runs of the newest job, each with its event."""
    from backfill.models import Event, Job, Run

    job = Job.objects.latest("pk")
    first = CHANGED * (n % 20)
    for run in job.runs.order_by("pk")[first : first + CHANGED]:
        Run.objects.filter(pk=run.pk).update(rows=1000 + n)
        Event.objects.create(job=job, run=run, actor="bench", action="changed")


def measure(year: int, rounds: int) -> None:
    """Print the CPU milliseconds of polls of every kind of page."""
    from webapp.live import stamps

    print(
        f"{'CPU ms of a poll':20} {'204 p95':>8} {'changed p50':>12} {'p95':>6} {'max':>6} {'KiB':>6}"
    )
    for name, url in live_pages(year).items():
        page = OpenPage(url)
        page.poll()
        quiet, changed, sizes = [], [], []
        for n in range(rounds):
            quiet.append(page.poll()[0])
            change(n)
            time.sleep(stamps.SECONDS)
            taken, size = page.poll()
            changed.append(taken)
            sizes.append(size)
        print(
            f"{name:20} {p95(quiet):8.1f} {statistics.median(changed):12.1f} {p95(changed):6.1f}"
            f" {max(changed):6.1f} {statistics.median(sizes) / 1024:6.1f}"
        )
