"""Burst of pages while a season runs: 100 pages within two seconds, and the job's time.

    .venv/bin/python bench/viewers.py [--pages 100] [--repeats 3] [--keep FOLDER]

The installation runs here (gunicorn, workers, sweep, Redis). The same season runs alone and with
a burst, in turn. A page that takes longer than 10 s is a timeout. Targets: no timeout, p95 at most
1 s, and the job at most 1.1 times its time alone.
"""

from __future__ import annotations

import argparse
import http.client
import os
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

from browsers import ADDRESS, Visitor, installation, session
from panel_setup import FIRST_YEAR, FORCED, ROOT, manage, p95, season_of

RUNS_BEFORE_BURST = 100
BURST_SECONDS, TIMEOUT_SECONDS = 2.0, 10


class Page(threading.Thread):
    """One page on a new connection, requested at its time in the burst."""

    def __init__(self, url: str, cookie: str, delay: float) -> None:
        super().__init__(daemon=True)
        self.url, self.delay, self.visitor = url, delay, Visitor(cookie)
        self.visitor.connection = http.client.HTTPConnection(ADDRESS, timeout=TIMEOUT_SECONDS)
        self.seconds = 0.0
        self.error = ""

    def run(self) -> None:
        time.sleep(self.delay)
        began = time.perf_counter()
        try:
            status = self.visitor.get(self.url)[0]
            self.error = "" if status == 200 else str(status)
        except (OSError, http.client.HTTPException) as error:
            self.error = repr(error)
        self.seconds = time.perf_counter() - began
        self.visitor.connection.close()


def burst(urls: list[str], cookie: str, count: int) -> list[Page]:
    pages = [Page(urls[n % len(urls)], cookie, BURST_SECONDS * n / count) for n in range(count)]
    for page in pages:
        page.start()
    for page in pages:
        page.join()
    return pages


def season(var: Path, count: int) -> tuple[float, list[Page]]:
    """Force one season through the workers, with a burst of `count` pages; return its seconds."""
    from backfill.models import Job

    manage(var, "backfill", *season_of(FIRST_YEAR), *FORCED)
    job, cookie, pages = Job.objects.order_by("-pk")[0], session(), []
    urls = [f"/jobs/{job.pk}/", "/", "/jobs/", f"/jobs/{job.pk}/events/", "/runs/"]
    while (job := Job.objects.get(pk=job.pk)).status not in Job.ENDED:
        if count and not pages and job.runs.filter(status="complete").count() > RUNS_BEFORE_BURST:
            pages = burst(urls, cookie, count)
        time.sleep(0.2)
    return (job.finished_at - job.created_at).total_seconds(), pages


def measure(var: Path, count: int, repeats: int) -> None:
    alone, viewed, pages = [], [], []
    with installation(var):
        season(var, 0)  # warm up the workers' season cache
        for _ in range(repeats):
            alone.append(season(var, 0)[0])
            seconds, seen = season(var, count)
            viewed.append(seconds)
            pages += seen
    errors = [page.error for page in pages if page.error]
    taken = [page.seconds for page in pages]
    print(f"job alone {statistics.median(alone):.1f} s {alone}; with a burst {viewed}")
    print(f"ratio of medians {statistics.median(viewed) / statistics.median(alone):.2f}")
    print(f"{len(pages)} pages: {len(errors)} errors {sorted(set(errors))[:5]}")
    print(f"p50 {1000 * statistics.median(taken):.0f} ms, p95 {1000 * p95(taken):.0f} ms")
    for url in sorted({page.url.strip("0123456789/") or page.url for page in pages}):
        own = [p.seconds for p in pages if (p.url.strip("0123456789/") or p.url) == url]
        print(f"    {url:20} p95 {1000 * p95(own):.0f} ms")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pages", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        var = given.keep or Path(folder)
        os.environ |= {"DATA_DIR": str(var), "DJANGO_SETTINGS_MODULE": "webapp.settings"}
        sys.path.insert(0, str(ROOT))
        import django

        django.setup()
        manage(var, "migrate", "-v0")
        manage(var, "simulate_season", str(FIRST_YEAR), "--json", check=False)
        measure(var, given.pages, given.repeats)


if __name__ == "__main__":
    main()
