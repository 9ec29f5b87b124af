"""Panel as served: bytes of a first load, memory over many requests, and browsers during a job.

bench/panel.py prepares the seasons and calls these functions.
"""

from __future__ import annotations

import http.client
import os
import re
import statistics
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
from panel_setup import FIRST_YEAR, FORCED, ROOT, client, manage, p95, season_of

ADDRESS = "127.0.0.1:8765"
COOKIE = "sessionid"
REQUESTS = 2000
LINKED = re.compile(rb'(?:src|href)="(/static/[^"#]+)')
IMPORTED = re.compile(rb"url\([\"']?([^)\"']+)")


@contextmanager
def installation(var: Path) -> Iterator[psutil.Process]:
    """Run all processes of bin/up."""
    environment = {**os.environ, "DATA_DIR": str(var), "WEB_ADDRESS": ADDRESS}
    with (var / "bench.log").open("w") as log:
        up = psutil.Popen(
            [sys.executable, "manage.py", "up", "--no-demo"],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=log,
        )
        try:
            manage(var, "workers", "--wait", "60")
            until_it_answers()
            yield up
        finally:
            up.terminate()
            up.wait()


def until_it_answers() -> None:
    for _ in range(300):
        try:
            http.client.HTTPConnection(ADDRESS, timeout=5).request("GET", "/healthz")
            return
        except OSError:
            time.sleep(0.2)
    raise SystemExit("the panel did not respond")


class Visitor:
    """Logged-in user; the password's hashing is not part of the measurement."""

    def __init__(self, cookie: str) -> None:
        self.headers = {"Cookie": f"{COOKIE}={cookie}", "Accept-Encoding": "gzip, br"}
        self.connection = http.client.HTTPConnection(ADDRESS, timeout=60)

    def get(self, url: str, **headers: str) -> tuple[int, bytes, str]:
        """Return status, body as sent, and content encoding."""
        try:
            self.connection.request("GET", url, headers=self.headers | headers)
            answer = self.connection.getresponse()
        except (OSError, http.client.HTTPException):
            self.connection.close()
            raise
        return answer.status, answer.read(), answer.headers.get("Content-Encoding", "")


def session() -> str:
    return str(client().cookies[COOKIE].value)


def first_load(url: str) -> tuple[int, list[tuple[int, str]]]:
    """Return the bytes as sent of a page and its linked files, including those of style sheets,
    each once.
    """
    visitor = Visitor(session())
    _, plain, _ = visitor.get(url, **{"Accept-Encoding": "identity"})
    found = {url: len(visitor.get(url)[1])}
    wanted = [match.decode() for match in LINKED.findall(plain)]
    for link in wanted:
        if link not in found:
            found[link] = len(visitor.get(link)[1])
            if link.endswith(".css"):
                _, css, _ = visitor.get(link, **{"Accept-Encoding": "identity"})
                wanted += [
                    f"{link.rpartition('/')[0]}/{m.decode()}"
                    for m in IMPORTED.findall(css)
                    if not m.startswith((b"data:", b"#"))
                ]
    return sum(found.values()), sorted(((n, link) for link, n in found.items()), reverse=True)


def web_processes(up: psutil.Process) -> list[psutil.Process]:
    """Return the processes that serve requests: children of gunicorn's first process."""
    all_of_them = [p for p in up.children(recursive=True) if "gunicorn" in " ".join(p.cmdline())]
    numbers = {p.pid for p in all_of_them}
    return [
        p
        for p in all_of_them
        if p.ppid() in numbers and not any(c.pid in numbers for c in p.children())
    ]


def resident(up: psutil.Process) -> list[int]:
    return sorted(p.memory_info().rss >> 20 for p in web_processes(up))


def web(var: Path, seasons: Sequence[dict[str, str]]) -> None:
    """Measure first loads, first requests, and memory over repeated requests for all pages."""
    with installation(var) as up:
        cookie = session()
        for name in ("Home", "Jobs"):
            visitor, taken = Visitor(cookie), []
            for _ in range(4):
                began = time.perf_counter()
                visitor.get(seasons[-1][name])
                taken.append(1000 * (time.perf_counter() - began))
            size, parts = first_load(seasons[-1][name])
            print(
                f"{name}: first load {size / 1024:.0f} KiB as sent; first requests {', '.join(f'{t:.0f}' for t in taken)} ms"
            )
            for n, link in parts[:6]:
                print(f"    {n / 1024:7.1f} KiB {link}")
        print(f"web processes at start: {resident(up)} MiB")
        urls, failed = [url for season in seasons for url in season.values()], 0
        for n in range(REQUESTS):
            # A new connection each time, to spread requests over both processes.
            status, _, _ = Visitor(cookie).get(urls[n % len(urls)])
            failed += status >= 400
            if (n + 1) % (REQUESTS // 5) == 0:
                print(f"  after {n + 1} requests: {resident(up)} MiB, {failed} failed")


class Browser(threading.Thread):
    """Requests the live fragment once a second, on one connection, with its last cursor."""

    def __init__(self, url: str, cookie: str, stop: threading.Event, offset: float) -> None:
        super().__init__(daemon=True)
        self.url, self.visitor, self.stop, self.offset = url, Visitor(cookie), stop, offset
        self.taken: list[float] = []
        self.errors: list[str] = []
        self.sent = 0

    def run(self) -> None:
        time.sleep(self.offset)
        url = self.url
        while not self.stop.is_set():
            began = time.perf_counter()
            try:
                status, body, _ = self.visitor.get(
                    url, **{"HX-Request": "true", "Accept-Encoding": "identity"}
                )
                self.sent += len(body)
                if status not in (200, 204):
                    self.errors.append(str(status))
                elif match := re.search(rb'hx-get="(/jobs/\d+/live/\?seen=[^"]*)"', body):
                    url = match[1].decode()
            except (OSError, http.client.HTTPException) as error:
                self.errors.append(repr(error))
            self.taken.append(1000 * (time.perf_counter() - began))
            self.stop.wait(max(0.0, 1 - (time.perf_counter() - began)))


def backfilled(var: Path, count: int) -> tuple[float, list[Browser]]:
    """Force one season through the workers with this many browsers; return its seconds."""
    from backfill.models import Job

    manage(var, "backfill", *season_of(FIRST_YEAR), *FORCED)
    job, stop, cookie = Job.objects.order_by("-pk")[0], threading.Event(), session()
    watching = [
        Browser(f"/jobs/{job.pk}/live/", cookie, stop, n / max(1, count)) for n in range(count)
    ]
    for browser in watching:
        browser.start()
    while (job := Job.objects.get(pk=job.pk)).status not in Job.ENDED:
        time.sleep(0.2)
    stop.set()
    for browser in watching:
        browser.join(30)
    return (job.finished_at - job.created_at).total_seconds(), watching


def load(var: Path, count: int = 50, repeats: int = 3) -> None:
    """Run a season's job with and without browsers, in turn."""
    alone, watched, seen = [], [], []
    with installation(var):
        backfilled(var, 0)  # warm up the workers' season cache
        for _ in range(repeats):
            alone.append(backfilled(var, 0)[0])
            seconds, watching = backfilled(var, count)
            watched.append(seconds)
            seen += watching
    taken, errors = (
        [t for browser in seen for t in browser.taken],
        [e for browser in seen for e in browser.errors],
    )
    a, b = statistics.median(alone), statistics.median(watched)
    print(
        f"backfill of a season: alone {a:.1f} s {alone}, with {count} browsers {b:.1f} s {watched}, ratio {b / a:.2f}"
    )
    print(
        f"{len(taken)} polls, {sum(b.sent for b in seen) / len(taken):.0f} bytes each: p50 {statistics.median(taken):.0f}"
        f" p95 {p95(taken):.0f} max {max(taken):.0f} ms, {len(errors)} errors {errors[:3]}"
    )
