"""Duration of a season, from command to exit, against the bare limit; and its growth with the
number of seasons.

    .venv/bin/python bench/season.py [FOLDER WITH A SEASON'S PHASE 3] [--seasons 1,5,20]

Every figure is for a whole process. The season and its bare limit run in turn, so that a temporary
slowdown of the machine affects both; quote the medians and their ratio.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
REAL = ROOT.parent / "shared" / "data" / "season_2023"


@dataclass(frozen=True, kw_only=True)
class Command:
    """Wall and CPU seconds of a whole process, and its largest resident memory."""

    seconds: float
    cpu: float
    peak_mib: float
    output: str


def measure(command: list[str], var: Path) -> Command:
    """Run a command."""
    environment = {**os.environ, "DATA_DIR": str(var)}
    started, peak, before = time.perf_counter(), 0, children_cpu()
    process = psutil.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    while process.poll() is None:
        try:
            peak = max(peak, process.memory_info().rss)
            process.wait(0.02)
        except (psutil.TimeoutExpired, psutil.NoSuchProcess):
            continue
    seconds = time.perf_counter() - started
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} exited with {process.returncode}")
    return Command(
        seconds=seconds,
        cpu=children_cpu() - before,
        peak_mib=peak / 2**20,
        output=process.stdout.read(),
    )


def children_cpu() -> float:
    """Return CPU seconds of all ended child processes."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def manage(var: Path, *arguments: str) -> Command:
    return measure([sys.executable, "manage.py", *arguments], var)


def load_command(folder: Path) -> list[str]:
    """Return the command that loads a folder of Phase 3 tables, or simulates a season without one."""
    return ["load_phase3", str(folder)] if folder.is_dir() else ["simulate_season", "2021"]


def prepared(var: Path, *load: str) -> tuple[str, str]:
    """Migrate a database and load Phase 3; return the first and last date of its schedule."""
    manage(var, "migrate", "--verbosity", "0")
    manage(var, *load)
    days = json.loads(manage(var, "query", "run-history", "--json").output)
    return days["start"], days["end"]


def emptied(var: Path) -> None:
    """Remove all output of backfills, and what is kept of the season."""
    shutil.rmtree(var / "cache", ignore_errors=True)
    for folder in (
        "nba_precompute",
        "nba_predictions",
        "nba_processing",
        "nba_reference/processor_run_history",
        ".versions",
    ):
        shutil.rmtree(var / "warehouse" / folder, ignore_errors=True)
    for file in var.glob("backcourt.sqlite3*"):
        file.unlink()
    manage(var, "migrate", "--verbosity", "0")


def season(folder: list[str], repeats: int) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        var = Path(scratch) / "var"
        start, end = prepared(var, *folder)
        backfill = ("backfill", "--start", start, "--end", end, "--inline", "--json")
        ours, bare = [], []
        for _ in range(repeats):
            emptied(var)
            ours.append(manage(var, *backfill))
            again = manage(var, *backfill)
            copy = Path(scratch) / "bare"
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(var / "warehouse" / "phase3", copy / "phase3")
            bare.append(measure([sys.executable, "bench/bare.py", str(copy)], var))
        print(f"one season {start} to {end}, peak memory {max(m.peak_mib for m in ours):.0f} MiB")
        for name in ("seconds", "cpu"):
            figures = [[getattr(m, name) for m in runs] for runs in (ours, bare)]
            a, b = map(statistics.median, figures)
            each = ["(" + ", ".join(f"{value:.1f}" for value in values) + ")" for values in figures]
            unit = "CPU s" if name == "cpu" else "wall s"
            print(f"  {a:.1f} {unit} {each[0]}; bare limit {b:.1f} {each[1]}; ratio {a / b:.2f}")
        print(f"  rerun, already complete: {again.seconds:.1f} s")


def many(seasons: int) -> float:
    with tempfile.TemporaryDirectory() as scratch:
        var = Path(scratch) / "var"
        start, end = prepared(var, "simulate_season", "2001", "--seasons", str(seasons))
        found = manage(var, "backfill", "--start", start, "--end", end, "--inline", "--json")
        each = found.seconds / seasons
        print(
            f"{seasons} simulated seasons: {found.seconds:.1f} s, {each:.2f} s each, peak {found.peak_mib:.0f} MiB"
        )
        return each


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=REAL)
    parser.add_argument(
        "--seasons",
        default="1,5,20",
        help="numbers of simulated seasons to compare; empty for none",
    )
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}")
    load = load_command(options.folder)
    season(load, options.repeats)
    each = [many(int(n)) for n in options.seasons.split(",") if n]
    if len(each) > 1:
        print(f"growth of seconds per season: {each[-1] / each[0]:.2f}")


if __name__ == "__main__":
    main()
