"""Panel with ten seasons and 20,000 runs: server time per page and fragment, bytes, memory, and
browsers during a job.

    .venv/bin/python bench/panel.py [--seasons 10] [--runs 20000] [--rounds 20] [--keep FOLDER]
    [--only pages|polls|web|browsers]

One process requests the pages in rounds: each round requests every page of one season and then its
fragments, and the next round those of the next season, so that cached values of one season must
outlast the others. The first round of a season is the cold one. CPU time, because machines have
other work too; every response must be a 200 with a body. Then the whole installation runs here
(gunicorn, workers, sweep, Redis): bytes of a first load, memory over 2,000 requests, and
bench/browsers.py. With --keep the folder is kept and reused by the next run.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from panel_setup import FIRST_YEAR, FORCED, ROOT, client, manage, p95, season_of
from panel_urls import Url, check_complete, page_urls, urls


def prepare(var: Path, seasons: int, runs: int) -> None:
    """Load and run seasons with faults, then run them again up to the requested number of rows."""
    var.mkdir(parents=True, exist_ok=True)
    if (var / "ready").exists():
        return
    manage(var, "migrate", "-v0")
    manage(var, "simulate_season", str(FIRST_YEAR), "--seasons", str(seasons), "--faults", "--json")
    for n in range(max(seasons, round(runs / 820))):
        manage(
            var, "backfill", *season_of(FIRST_YEAR + n % seasons), *FORCED, "--inline", check=False
        )
    (var / "ready").touch()


def measured(browser: Any, name: str, url: Url) -> tuple[float, float]:
    """Request a URL; return its wall and CPU milliseconds. Raises SystemExit for a wrong response."""
    began, worked = time.perf_counter(), time.process_time()
    answer = browser.get(url.path, headers=url.headers)
    body = b"".join(answer) if answer.streaming else answer.content
    if answer.streaming:
        answer.close()
    taken = 1000 * (time.perf_counter() - began), 1000 * (time.process_time() - worked)
    is_right = answer.status_code in url.statuses and (body or answer.status_code == 204)
    if not is_right:
        raise SystemExit(f"{name} ({url.path}) answers {answer.status_code}, {len(body)} bytes")
    return taken


def pages(seasons: int, rounds: int) -> None:
    """Measure every page in this process, with its number of queries."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    browser = client()
    found: dict[str, list[tuple[float, float]]] = {}
    for n in range(seasons + rounds):
        of_season = urls(FIRST_YEAR + n % seasons)
        if not n:
            check_complete(of_season.values())
        for name, url in of_season.items():
            found.setdefault(name, []).append(measured(browser, name, url))
    print(
        f"{'CPU ms':34} {'cold':>6} {'p50':>6} {'p95':>6} {'max':>6} {'wall95':>6}  queries    KiB  sent"
    )
    for name, url in urls(FIRST_YEAR + seasons - 1).items():
        with CaptureQueriesContext(connection) as queries:
            answer = browser.get(url.path, headers=url.headers)
        body = b"".join(answer) if answer.streaming else answer.content
        if answer.streaming:
            answer.close()
        cold, warm = found[name][:seasons], found[name][seasons:]
        wall, cpu = [w for w, _ in warm], [c for _, c in warm]
        slow = "  SLOW" if url.limit and p95(cpu) > url.limit else ""
        print(
            f"{name:34} {max(c for _, c in cold):6.0f} {statistics.median(cpu):6.0f} {p95(cpu):6.0f}"
            f" {max(cpu):6.0f} {p95(wall):6.0f}  {len(queries):7}  {len(body) / 1024:6.1f}"
            f"  {answer.status_code} {url.path}{slow}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seasons", type=int, default=10)
    parser.add_argument("--runs", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--only", choices=("pages", "polls", "web", "browsers"))
    given = parser.parse_args()
    var = given.keep or Path(tempfile.mkdtemp())
    os.environ["DATA_DIR"] = str(var)
    os.environ["DJANGO_SETTINGS_MODULE"] = "webapp.settings"
    sys.path.insert(0, str(ROOT))
    try:
        prepare(var, given.seasons, given.runs)
        import browsers
        import django
        import polls

        from webapp.ops import static_files

        django.setup()
        static_files.collect()
        if given.only in (None, "pages"):
            pages(given.seasons, given.rounds)
        if given.only in (None, "pages", "polls"):
            polls.measure(FIRST_YEAR, given.rounds)
        if given.only in (None, "web"):
            browsers.web(
                var,
                [page_urls(FIRST_YEAR + n) for n in range(given.seasons)],
            )
        if given.only in (None, "browsers"):
            browsers.load(var)
    finally:
        if not given.keep:
            shutil.rmtree(var)


if __name__ == "__main__":
    main()
