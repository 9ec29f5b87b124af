"""Progress of an inline job: a bar with rate and time left on a terminal, a line per step elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from backfill.inline import Progress as Callback
from backfill.models import Run


@contextmanager
def shown(total: int, *, quiet: bool) -> Iterator[Callback]:
    """A callback to tell of ended runs; stderr, so that stdout stays the answer's."""
    if quiet:
        yield lambda runs: None
    elif sys.stderr.isatty():
        yield from _bar(total)
    else:
        yield _lines(total)


def _bar(total: int) -> Iterator[Callback]:
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("starting", total=total)

        def ended(runs: Sequence[Run]) -> None:
            if runs:
                progress.update(task, advance=len(runs))
                speed = progress.tasks[task].speed or 0
                progress.update(task, description=f"{speed:.0f} runs/s, {runs[-1].processor} {runs[-1].date}")

        yield ended


def _lines(total: int) -> Callback:
    started, ended = time.monotonic(), 0

    def tell(runs: Sequence[Run]) -> None:
        nonlocal ended
        if not runs:
            return
        ended += len(runs)
        rate = ended / (time.monotonic() - started)
        left = (total - ended) / rate
        print(
            f"{ended}/{total} runs, {rate:.0f}/s, {left:.0f} s left: {runs[0].processor} {runs[0].date} to {runs[-1].date}",
            file=sys.stderr,
        )

    return tell
