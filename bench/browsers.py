"""Panel as served: bytes of a first load, memory over many requests, and browsers during a job.

bench/panel.py prepares the seasons and calls these functions.
"""

from __future__ import annotations

import asyncio
import gzip
import http.client
import os
import random
import re
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from panel_setup import FIRST_YEAR, FORCED, ROOT, client, manage, p95, season_of
from panel_urls import live_pages
from polls import CELLS, LIVE

ADDRESS = "127.0.0.1:8765"
COOKIE = "sessionid"
REQUESTS = 2000
# Open pages of each kind among a hundred.
MIX = {
    "job": 30, "Home": 20, "Jobs": 10, "Triage": 10, "Runs": 8, "Date": 6, "Coverage": 6,
    "Rates": 4, "System": 2, "New backfill": 2, "Guide": 2,
}  # fmt: skip
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


def session(name: str = "bench") -> str:
    return str(client(name).cookies[COOKIE].value)


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
    """Return the processes that serve requests: children of the first process of the panel."""
    all_of_them = [
        p for p in up.children(recursive=True) if "backcourt web" in " ".join(p.cmdline())
    ]
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


class Browser:
    """Open page on one connection and in a session of its own, as static/js/live.js keeps it."""

    def __init__(self, url: str, cookie: str, offset: float) -> None:
        self.url, self.offset = url, offset
        # The panel limits the connections of an address.
        self.address = f"127.0.1.{1 + int(100 * offset)}"
        self.headers = f"Host: {ADDRESS}\r\nCookie: {COOKIE}={cookie}\r\n"
        self.seen: dict[str, str] = {}
        self.ticket = ""
        self.taken: list[float] = []
        self.errors: list[str] = []
        self.statuses: Counter[int] = Counter()
        self.sent = 0
        self.badge_changes: list[float] = []

    async def run(self, stop: threading.Event) -> None:
        await asyncio.sleep(self.offset)
        await self.connect()
        self.apply(await self.get(""))
        while not stop.is_set():
            await asyncio.sleep(random.uniform(0.9, 1.1))
            try:
                seen = " ".join(f"{name}:{digest}" for name, digest in self.seen.items())
                self.apply(await self.get(f"X-Live: {seen}\r\nX-Live-Ticket: {self.ticket}\r\n"))
            except (OSError, ValueError, EOFError) as error:
                self.errors.append(repr(error))
                with suppress(OSError):
                    await self.connect()
        self.connection[1].close()

    async def connect(self) -> None:
        host, port = ADDRESS.split(":")
        self.connection = await asyncio.open_connection(host, port, local_addr=(self.address, 0))

    def apply(self, html: bytes) -> None:
        found = [*LIVE.findall(html.decode()), *CELLS.findall(html.decode())]
        if "nav-jobs" in dict(found):
            self.badge_changes.append(time.time())
        self.seen |= dict(found)

    async def get(self, headers: str) -> bytes:
        reader, writer = self.connection
        began = time.perf_counter()
        writer.write(
            f"GET {self.url} HTTP/1.1\r\n{self.headers}{headers}Accept-Encoding: gzip\r\n\r\n".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        status = int(head[9:12])
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        body = await reader.readexactly(int(length[1])) if length else b""
        self.taken.append(1000 * (time.perf_counter() - began))
        self.sent += len(body)
        self.statuses[status] += 1
        if status not in (200, 204):
            self.errors.append(f"{status} {self.url}")
        if ticket := re.search(rb"x-live-ticket: (\S+)", head, re.IGNORECASE):
            self.ticket = ticket[1].decode()
        is_packed = re.search(rb"content-encoding: gzip", head, re.IGNORECASE)
        return gzip.decompress(body) if is_packed else body


class Watching(threading.Thread):
    """All browsers in one thread; `cpu` is its CPU time in seconds."""

    def __init__(self, browsers: Sequence[Browser]) -> None:
        super().__init__()
        self.browsers, self.stop, self.cpu = browsers, threading.Event(), 0.0

    def run(self) -> None:
        asyncio.run(self._all())
        self.cpu = time.thread_time()

    async def _all(self) -> None:
        await asyncio.gather(*(browser.run(self.stop) for browser in self.browsers))


@dataclass(frozen=True, kw_only=True)
class Watched:
    """Job of a season: its seconds, and the CPU seconds of workers, web processes and browsers."""

    seconds: float
    workers: float
    web: float
    client: float
    browsers: Sequence[Browser]
    delays: Sequence[float]


def cpu_seconds(processes: Sequence[psutil.Process]) -> float:
    return sum(sum(p.cpu_times()[:2]) for p in processes)


def backfilled(var: Path, up: psutil.Process, cookies: Sequence[str]) -> Watched:
    """Force one season through the workers with a browser per cookie."""
    from backfill.models import Job

    manage(var, "backfill", *season_of(FIRST_YEAR), *FORCED)
    job, web = Job.objects.order_by("-pk")[0], web_processes(up)
    workers = [p for p in up.children(recursive=True) if "celery" in " ".join(p.cmdline())]
    before = cpu_seconds(workers), cpu_seconds(web)
    urls = live_pages(FIRST_YEAR)
    kinds = [kind for kind, n in MIX.items() for _ in range(n)]
    random.Random(1).shuffle(kinds)
    watching = Watching(
        [
            Browser(urls[kinds[n % len(kinds)]], cookie, n / len(cookies))
            for n, cookie in enumerate(cookies)
        ]
    )
    watching.start()
    while (job := Job.objects.get(pk=job.pk)).status not in Job.ENDED:
        time.sleep(0.2)
    after = cpu_seconds(workers), cpu_seconds(web)
    time.sleep(4)  # until every page shows the end
    watching.stop.set()
    watching.join()
    ended = job.finished_at.timestamp()
    delays = [
        min(late)
        for b in watching.browsers
        if (late := [t - ended for t in b.badge_changes if t > ended])
    ]
    return Watched(
        seconds=(job.finished_at - job.created_at).total_seconds(),
        workers=after[0] - before[0],
        web=after[1] - before[1],
        client=watching.cpu,
        browsers=watching.browsers,
        delays=delays,
    )


def load(var: Path, count: int = 100, repeats: int = 3) -> None:
    """Run a season's job with and without browsers, in turn."""
    alone, watched = [], []
    with installation(var) as up:
        cookies = [session(f"bench {n}") for n in range(count)]
        backfilled(var, up, ())  # warm up the workers' season cache
        for _ in range(repeats):
            alone.append(backfilled(var, up, ()))
            watched.append(backfilled(var, up, cookies))
            time.sleep(3)  # the audit after the job
    for name in ("seconds", "workers", "web", "client"):
        a, b = ([getattr(found, name) for found in runs] for runs in (alone, watched))
        ratio = f", ratio {statistics.median(b) / statistics.median(a):.2f}" if max(a) > 1 else ""
        print(
            f"{name:8} alone {statistics.median(a):.2f} {[round(n, 2) for n in a]},"
            f" with {count} browsers {statistics.median(b):.2f} {[round(n, 2) for n in b]}{ratio}"
        )
    delays = [delay for found in watched for delay in found.delays]
    print(
        f"end of the job on {len(delays)} of {repeats * count} pages: p50 {statistics.median(delays):.2f} s,"
        f" p95 {p95(delays):.2f} s, max {max(delays):.2f} s"
    )
    seen = [browser for found in watched for browser in found.browsers]
    taken, errors = [t for b in seen for t in b.taken], [e for b in seen for e in b.errors]
    extra = sum(found.web for found in watched) - sum(found.web for found in alone)
    print(
        f"{len(taken)} requests, {sum(b.sent for b in seen) / len(taken):.0f} bytes and"
        f" {1000 * extra / len(taken):.2f} ms CPU of the web processes each:"
        f" p50 {statistics.median(taken):.0f} p95 {p95(taken):.0f} max {max(taken):.0f} ms,"
        f" {dict(sum((b.statuses for b in seen), Counter()))}, {len(errors)} errors {errors[:3]}"
    )
