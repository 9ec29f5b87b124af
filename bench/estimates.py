"""Estimates of a series of jobs of different sizes against their durations.

    .venv/bin/python bench/estimates.py [FOLDER WITH A SEASON'S PHASE 3] [--workers]

Prints the estimate and the duration of each job, and the median error after the third one.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from datetime import date, timedelta
from pathlib import Path

from season import REAL, load_command, manage, prepared
from workers import asked, stack

SIZES = (20, 5, 40, 160, 1, 10, 80, 2, 160, 30)
ESTIMATES = """
SELECT id, estimate, (julianday(finished_at) - julianday(started_at)) * 86400
FROM backfill_job WHERE status = 'succeeded' ORDER BY id
"""


def main() -> None:
    """Run the jobs and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", nargs="?", type=Path, default=REAL)
    parser.add_argument("--workers", action="store_true", help="on two workers, not inline")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        var = Path(folder) / "var"
        start, end = prepared(var, *load_command(options.source))
        how = ("--wait",) if options.workers else ("--inline",)
        if options.workers:
            with stack(var):
                run(var, date.fromisoformat(start), date.fromisoformat(end), how)
        else:
            run(var, date.fromisoformat(start), date.fromisoformat(end), how)
        report(var)


def run(var: Path, opening: date, end: date, how: tuple[str, ...]) -> None:
    for size in SIZES:
        start = max(opening, end - timedelta(days=size - 1))
        span = ("--start", str(start), "--end", str(end))
        manage(var, "backfill", *span, "--force", *how)


def report(var: Path) -> None:
    errors = []
    print(f"{'job':>4} {'runs':>5} {'estimate':>16} {'actual':>8} {'error':>6}")
    for job, stored, seconds in asked(var, ESTIMATES):
        estimate = json.loads(str(stored))
        if not estimate:
            print(f"{job:>4} {'':5} {'none':>16} {float(str(seconds)):8.1f}")
            continue
        error = abs(estimate["low"] - float(str(seconds))) / float(str(seconds))
        errors.append(error)
        span = f"{estimate['low']:.1f} to {estimate['high']:.1f}"
        print(f"{job:>4} {estimate['runs']:>5} {span:>16} {float(str(seconds)):8.1f} {error:6.0%}")
    print(f"median error after the third job: {statistics.median(errors[2:]):.0%}")


if __name__ == "__main__":
    main()
