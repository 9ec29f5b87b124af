"""CPU seconds of short commands: one date, ten and twenty dates, lists; and the audit after one
date.

    .venv/bin/python bench/one_date.py [FOLDER WITH A SEASON'S PHASE 3] [--repeats 5]

Every figure is for a whole process, after a season has been backfilled. The last part runs two
workers: seconds until the first step of a job that starts right after another one has ended.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path

from season import REAL, load_command, manage, prepared
from workers import asked, stack

AUDIT = "SELECT seconds FROM backfill_seasonaudit"
DELAY = """
SELECT (julianday(MIN(r.started_at)) - julianday(j.created_at)) * 86400
FROM backfill_job AS j JOIN backfill_run AS r ON r.job_id = j.id
WHERE j.id = (SELECT MAX(id) FROM backfill_job)
"""


def commands(dates: list[str]) -> dict[str, tuple[str, ...]]:
    """Return the measured commands by title."""

    def backfill(n: int) -> tuple[str, ...]:
        return ("backfill", "--start", dates[0], "--end", dates[n - 1], "--force", "--inline")

    return {
        "jobs --help": ("jobs", "--help"),
        "jobs": ("jobs",),
        "run_processor PSZA, one date": ("run_processor", "PSZA", dates[0]),
        "backfill, one date": backfill(1),
        "backfill, 10 dates": backfill(10),
        "backfill, 20 dates": backfill(20),
        "run_processor PSZA, one date, nothing kept": ("run_processor", "PSZA", dates[0]),
    }


def short_commands(var: Path, dates: list[str], repeats: int) -> None:
    print(f"{'command':45} {'CPU s':>22} {'wall s':>8} {'audit s':>8}")
    for title, command in commands(dates).items():
        found, audits = [], []
        for _ in range(repeats):
            if title.endswith("nothing kept"):
                for file in (var / "cache").iterdir():
                    file.unlink()
            found.append(manage(var, *command))
            audits.append(float(str(asked(var, AUDIT)[0][0])))
        cpu = [one.cpu for one in found]
        span = f"{statistics.median(cpu):.2f} ({min(cpu):.2f} to {max(cpu):.2f})"
        wall = statistics.median(one.seconds for one in found)
        audit = f"{statistics.median(audits):.2f}" if "--inline" in command else ""
        print(f"{title:45} {span:>22} {wall:8.2f} {audit:>8}")


def next_job(var: Path, dates: list[str], repeats: int) -> None:
    """Print the seconds from a job's start to its first step, after nothing and after a job."""
    day, season = (
        ("--start", dates[0], "--end", dates[0]),
        ("--start", dates[0], "--end", dates[-1]),
    )
    with stack(var):
        for title, before in (("nothing", None), ("one date", day), ("a season", season)):
            found = []
            for _ in range(repeats):
                if before:
                    manage(var, "backfill", *before, "--force", "--wait", "--json")
                manage(var, "backfill", *day, "--force", "--wait", "--json")
                found.append(float(str(asked(var, DELAY)[0][0])))
            each = ", ".join(f"{seconds:.2f}" for seconds in found)
            print(f"first step after {title}: {statistics.median(found):.2f} s ({each})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=REAL)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}")
    load = load_command(options.folder)
    with tempfile.TemporaryDirectory() as scratch:
        var = Path(scratch) / "var"
        start, end = prepared(var, *load)
        manage(var, "backfill", "--start", start, "--end", end, "--inline", "--json")
        sql = "SELECT DISTINCT date FROM backfill_run WHERE status = 'complete' ORDER BY date"
        dates = [str(day) for (day,) in asked(var, sql)][40:]
        short_commands(var, dates, options.repeats)
        next_job(var, dates, options.repeats)


if __name__ == "__main__":
    main()
