"""Season through Redis and two worker processes, compared with the same season inline; and twenty
seasons in one job.

    .venv/bin/python bench/workers.py [FOLDER WITH A SEASON'S PHASE 3] [--repeats 3] [--seasons 20]

Inline and worker jobs run in turn, so that a temporary slowdown of the machine affects both; quote
the medians and their ratio. Seconds are the job's own, from `start` (the Job row) to its end.
Memory is the largest resident size of any process of the kind, sampled during the job.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import date
from pathlib import Path
from sqlite3 import connect

import psutil
from season import REAL, ROOT, emptied, load_command, manage, prepared

SECONDS = "SELECT (julianday(finished_at) - julianday(created_at)) * 86400 FROM backfill_job ORDER BY id DESC LIMIT 1"
SEASONS_PER_JOB = 20


@contextmanager
def stack(var: Path) -> Iterator[psutil.Process]:
    """Run Redis, two worker processes and the sweep, as bin/up does."""
    environment = {**os.environ, "DATA_DIR": str(var)}
    command = [sys.executable, "manage.py", "up", "--no-demo", "--no-web"]
    front = psutil.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        manage(var, "workers", "--wait", "60")
        yield front
    finally:
        front.terminate()
        front.wait()


def asked(var: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(connect(var / "backcourt.sqlite3", timeout=30)) as db:
        return db.execute(sql).fetchall()


def job_seconds(var: Path) -> float:
    ((seconds,),) = asked(var, SECONDS)
    return float(str(seconds))


def season(folder: list[str], repeats: int) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        var = Path(scratch) / "var"
        start, end = prepared(var, *folder)
        inline, workers = [], []
        with stack(var):
            for _ in range(repeats):
                for where, found in (("--inline", inline), ("--wait", workers)):
                    shutil.rmtree(var / "warehouse" / "nba_precompute", ignore_errors=True)
                    shutil.rmtree(var / "warehouse" / "nba_predictions", ignore_errors=True)
                    manage(
                        var, "backfill", "--start", start, "--end", end, "--force", where, "--json"
                    )
                    found.append(job_seconds(var))
        a, b = statistics.median(inline), statistics.median(workers)
        print(
            f"one season {start} to {end}: inline {a:.1f} s ({', '.join(f'{s:.1f}' for s in inline)})"
        )
        print(
            f"  two workers {b:.1f} s ({', '.join(f'{s:.1f}' for s in workers)}), ratio {b / a:.2f}"
        )


class Memory(threading.Thread):
    """Samples the resident size of the worker processes: [(seconds, MiB of the largest child)]."""

    def __init__(self, front: psutil.Process) -> None:
        super().__init__(daemon=True)
        self.front, self.samples, self.stopped = front, [], threading.Event()

    def run(self) -> None:
        began = time.monotonic()
        while not self.stopped.wait(0.5):
            sizes = []
            with suppress(psutil.NoSuchProcess):
                for process in self.front.children(recursive=True):
                    with suppress(psutil.NoSuchProcess):
                        if "backcourt worker" in " ".join(process.cmdline()):
                            sizes.append(process.memory_info().rss / 2**20)
            if sizes:
                self.samples.append((time.monotonic() - began, max(sizes)))

    def quarters(self) -> list[float]:
        size = max(1, len(self.samples) // 4)
        return [
            max(mib for _, mib in self.samples[n : n + size])
            for n in range(0, 4 * size, size)
            if self.samples[n : n + size]
        ]


def spans(start: str, end: str) -> Iterator[tuple[str, str]]:
    """Yield the ranges of the jobs: at most 20 seasons each, as a backfill allows."""
    while int(end[:4]) - int(start[:4]) > SEASONS_PER_JOB:
        year = int(start[:4]) + SEASONS_PER_JOB
        yield start, f"{year}-09-30"
        start = f"{year}-10-01"
    yield start, end


def many(seasons: int) -> None:
    """Run jobs over many seasons by the same workers; start and cancel the first of them."""
    with tempfile.TemporaryDirectory() as scratch:
        var = Path(scratch) / "var"
        # The last season is in the past: a backfill refuses dates after today.
        first = str(date.today().year - 1 - seasons)
        start, end = prepared(var, "simulate_season", first, "--seasons", str(seasons))
        jobs = [("backfill", "--start", a, "--end", b) for a, b in spans(start, end)]
        with stack(var) as front:
            memory, began = Memory(front), time.monotonic()
            memory.start()
            peak = max(manage(var, *job, "--wait", "--json").peak_mib for job in jobs)
            took = time.monotonic() - began
            memory.stopped.set()
            memory.join()
            runs = asked(var, "SELECT COUNT(*) FROM backfill_run")[0][0]
            quarters = ", ".join(f"{mib:.0f}" for mib in memory.quarters())
            print(f"{seasons} seasons, {runs} runs by two workers: {took:.0f} s")
            print(
                f"  largest worker process in each quarter of that time: {quarters} MiB; `--wait` itself {peak:.0f} MiB"
            )
        emptied(var)
        started = manage(var, *jobs[0])
        cancelled = manage(var, "cancel", "1")
        print(
            f"  start {started.seconds:.1f} s, cancel {cancelled.seconds:.1f} s (whole commands, all runs pending)"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=REAL)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seasons", type=int, default=20, help="in one job; 0 skips this part")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}")
    load = load_command(options.folder)
    if options.repeats:
        season(load, options.repeats)
    if options.seasons:
        many(options.seasons)


if __name__ == "__main__":
    main()
