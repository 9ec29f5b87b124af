"""CPU seconds for an audit: a season in a new process, the same season again, after a change, and single
dates.

    .venv/bin/python bench/audit.py [PHASE 3 FOLDER OF ONE SEASON]

The season is backfilled first, in a temporary folder. Only the audit is timed, in one process.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REAL = ROOT.parent / "shared" / "data" / "season_2023"
REPEATS = 5


def manage(var: str, *arguments: str) -> None:
    environment = {**os.environ, "DATA_DIR": var}
    subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
    )


def seconds(do: Callable[[], object]) -> float:
    began = time.process_time()
    do()
    return time.process_time() - began


def report(name: str, found: list[float]) -> None:
    print(f"{name:40} {statistics.median(found):6.3f} CPU s ({min(found):.3f} to {max(found):.3f})")


def after_change(season: object, n: int) -> float:
    """Return the seconds of a whole audit, with its store, after a date's files have changed."""
    from backfill.audit.marking import run_audit

    for file in (Path(os.environ["DATA_DIR"]) / "warehouse").glob(
        f"*/*/*={season.dates[n]}/**/part.parquet"
    ):
        os.utime(file)
    return seconds(run_audit)


def measure() -> None:
    import django

    django.setup()

    from django.conf import settings

    from backfill.audit import load
    from backfill.audit.season_audit import SeasonAuditInput, of_date, seasons

    settings.DEBUG = False
    (season,) = seasons()
    runs = len(season.dates) * 5
    print(f"season {season.year}: {len(season.dates)} dates, {runs} runs")
    report("season, new process", [seconds(season.findings)])

    def again() -> SeasonAuditInput:
        return next(iter(seasons()))

    report("season, nothing changed", [seconds(lambda: again().findings()) for _ in range(REPEATS)])
    report("season, one date changed", [after_change(season, n) for n in range(REPEATS)])
    report(
        "  read games",
        [seconds(lambda: load._read(season.start)) for _ in range(REPEATS)],
    )
    report("  read stored rows", [seconds(lambda: again().written) for _ in range(REPEATS)])
    audit = again()
    _ = audit.facts, audit.written
    report("  expectation and comparison", [seconds(lambda: audit.compared)])
    days = season.dates[:: len(season.dates) // 10]
    report(
        "one date: expectation and cascade", [seconds(lambda d=d: _date(of_date(d))) for d in days]
    )


def _date(audit: object) -> None:
    _ = audit.compared, audit.cascade(audit.dates[0])


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else REAL)
    with tempfile.TemporaryDirectory() as var:
        os.environ.update(DATA_DIR=var, DJANGO_SETTINGS_MODULE="webapp.settings")
        sys.path.insert(0, str(ROOT))
        manage(var, "migrate", "--verbosity", "0")
        manage(var, "load_phase3", str(folder))
        manage(var, "backfill", "--start", "2023-10-24", "--end", "2024-06-30", "--inline")
        measure()
