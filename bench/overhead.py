"""Overhead of a run: milliseconds per run for claiming, writing history, recording, settling and
reading back, and database queries per step, for several batch sizes.

    .venv/bin/python bench/overhead.py [FOLDER WITH A SEASON'S PHASE 3]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from backfill.jobs.start import start_job

ROOT = Path(__file__).resolve().parent.parent
REAL = ROOT.parent / "shared" / "data" / "season_2023"


def timed(spent: Counter[str], name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        started = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            spent[name] += time.perf_counter() - started

    return call


def measure(start: str, end: str, batch_size: int) -> None:
    """Repeat the season in one thread and print the time outside the statements."""
    from datetime import date

    from django.db import connection

    from backfill.execution import dispatch, inline, record
    from backfill.execution import step as steps
    from backfill.plan.options import Options

    spent: Counter[str] = Counter()
    queries: dict[str, list[int]] = defaultdict(list)
    kept = (
        steps.claim_step,
        record._write_history,
        steps.record,
        dispatch.finish_step,
        dispatch.take_batch,
        inline.run_step,
    )
    steps.claim_step = timed(spent, "claim", kept[0])
    record._write_history = timed(spent, "history", kept[1])
    steps.record = timed(spent, "record", kept[2])
    dispatch.finish_step = timed(spent, "settle", kept[3])
    dispatch.take_batch = timed(spent, "take", kept[4])

    def step(batch: Any, code: str, *rest: Any) -> Any:
        count = 0

        def counting(execute: Any, *args: Any) -> Any:
            nonlocal count
            count += 1
            return execute(*args)

        with connection.execute_wrapper(counting):
            ended = kept[5](batch, code, *rest)
        if ended:
            queries[f"{len(ended)} dates"].append(count)
        return ended

    inline.run_step = step
    options = Options(
        start=date.fromisoformat(start),
        end=date.fromisoformat(end),
        force=True,
        batch_size=batch_size,
        parallel=1,
        canary=False,
    )
    job = start_job(options, "bench", inline=True)
    assert job
    began = time.perf_counter()
    inline.run_inline(job, "bench")
    wall = time.perf_counter() - began
    (
        steps.claim_step,
        record._write_history,
        steps.record,
        dispatch.finish_step,
        dispatch.take_batch,
        inline.run_step,
    ) = kept
    runs = job.runs.count()
    totals = job.runs.values_list("query_seconds", "write_seconds")
    statements = sum((q or 0) + (w or 0) for q, w in totals)
    spent["record"] -= spent["history"]
    each = {name: 1000 * seconds / runs for name, seconds in spent.items()}
    most = max(queries, key=lambda name: len(queries[name]))
    print(f"batches of {batch_size}: {runs} runs in {wall:.1f} s, {1000 * wall / runs:.2f} ms each")
    rest = 1000 * (wall - statements) / runs
    print(
        f"  statements, partitions, read-back {1000 * statements / runs:.2f} ms; the rest {rest:.2f} ms:"
    )
    print(f"  {', '.join(f'{name} {ms:.2f}' for name, ms in each.items())}")
    print(f"  database queries per step: {min(queries[most])} to {max(queries[most])} ({most})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=REAL)
    folder = parser.parse_args().folder
    with tempfile.TemporaryDirectory() as scratch:
        os.environ |= {"DATA_DIR": scratch, "DJANGO_SETTINGS_MODULE": "webapp.settings"}
        sys.path.insert(0, str(ROOT))
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        call_command("load_phase3", str(folder)) if folder.is_dir() else call_command(
            "simulate_season", "2023"
        )
        for size in (8, 32):
            measure("2023-10-24", "2024-04-14", size)


if __name__ == "__main__":
    main()
