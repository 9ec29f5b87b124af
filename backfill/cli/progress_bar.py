"""Progress on stderr: a bar with rate and time left on a terminal, a line per change elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from django.utils.timezone import now

from backfill.models import Job, Run
from backfill.status.progress import NO_WORKER, TimeLeft, lacks_workers, newest_events, progress
from backfill.status.progress import Progress as State

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from backfill.execution.inline import Progress as Callback

POLL_SECONDS = 0.2


class Display(Protocol):
    """Display of the progress of a job."""

    def update(self, ended: int, total: int, text: str) -> None:
        """Show the number of ended runs."""

    def say(self, text: str) -> None:
        """Print one line."""


class _Quiet:
    def update(self, ended: int, total: int, text: str) -> None:
        pass

    def say(self, text: str) -> None:
        pass


class _Lines:
    """Display for a pipe or a log: one line whenever items have ended."""

    def __init__(self, what: str) -> None:
        self.ended, self.what = 0, what

    def update(self, ended: int, total: int, text: str) -> None:
        if ended != self.ended:
            self.say(f"{ended}/{total} {self.what}, {text}")
        self.ended = ended

    def say(self, text: str) -> None:
        print(text, file=sys.stderr)


class _Bar:
    def __init__(self, bar: Progress, task: TaskID) -> None:
        self.bar, self.task = bar, task

    def update(self, ended: int, total: int, text: str) -> None:
        self.bar.update(self.task, completed=ended, total=total, description=text)

    def say(self, text: str) -> None:
        self.bar.console.print(text, highlight=False, markup=False)


@contextmanager
def shown(*, quiet: bool, what: str = "runs") -> Iterator[Display]:
    """Yield a display; quiet shows nothing."""
    if quiet:
        yield _Quiet()
    elif sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
        )

        columns = (
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.description}"),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            yield _Bar(bar, bar.add_task("starting", total=None))
    else:
        yield _Lines(what)


def updating(display: Display, total: int) -> Callback:
    """Return a callback of an inline job that updates a display after runs have ended."""
    started, ended = time.monotonic(), 0

    def update(runs: Sequence[Run]) -> None:
        nonlocal ended
        if not runs:
            return
        ended += len(runs)
        rate = ended / (time.monotonic() - started)
        left = (total - ended) / rate
        where = f"{runs[0].processor} {_dates(runs[0].date, runs[-1].date)}"
        display.update(ended, total, f"{rate:.0f}/s, {left:.0f} s left: {where}")

    return update


def watch(job: Job, display: Display) -> Job:
    """Follow a job of the workers until it ends or pauses; Ctrl-C ends only the watching."""
    seen, stalled = 0, ""
    while True:
        began = time.monotonic()
        job.refresh_from_db()
        found = progress(job, now())
        rate = f"{found.runs_per_second:.0f}/s" if found.runs_per_second else "0/s"
        display.update(found.ended, found.total, f"{rate}{_left(found.time_left)}")
        for event in newest_events(job, seen):
            seen = event.pk
            display.say(f"{event.action}{f': {event.reason}' if event.reason else ''}")
        if job.status in (*Job.ENDED, Job.Status.PAUSED):
            return job
        notice = found.stalled or (NO_WORKER if lacks_workers(found.waiting) else "")
        if notice and notice != stalled:
            display.say(notice)
        stalled = notice
        # Spend at most a tenth of the time on queries, so that watching does not slow the job.
        time.sleep(max(POLL_SECONDS, 10 * (time.monotonic() - began)))


def progress_text(state: State) -> str:
    """Write the progress of a job and the reason of each waiting batch."""
    lines = [f"{state.ended} of {state.total} runs ended{_left(state.time_left)}"]
    lines += [
        f"{_batches(w['batches'])} waiting ({_dates(w['first'], w['last'])}): {w['why']}"
        for w in state.waiting
    ]
    return "\n".join([*lines, *([state.stalled] if state.stalled else [])])


def _dates(first: object, last: object) -> str:
    return f"{first}" if first == last else f"{first} to {last}"


def _batches(n: int) -> str:
    return f"{n} batch{'es' * (n != 1)}"


def _left(left: TimeLeft | None) -> str:
    if not left:
        return ""
    low, high = f"{left.low:.0f}", f"{left.high:.0f}"
    return f", {high if low == high else f'{low} to {high}'} s left"
