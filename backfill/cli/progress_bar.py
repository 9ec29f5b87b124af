"""Progress in the shell: a bar with rate and time left on a terminal, a line per change elsewhere,
always on stderr.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from django.utils.timezone import now
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from backfill.execution.inline import Progress as Callback
from backfill.models import Job, Run
from backfill.status.progress import Progress as State
from backfill.status.progress import TimeLeft, newest_events, progress

POLL_SECONDS = 0.2


class Display(Protocol):
    """Something that shows how far a job is."""

    def update(self, ended: int, total: int, text: str) -> None:
        """Show that so many runs have ended."""

    def say(self, text: str) -> None:
        """Say one thing, once."""


class _Quiet:
    def update(self, ended: int, total: int, text: str) -> None:
        pass

    def say(self, text: str) -> None:
        pass


class _Lines:
    """For a pipe or a log: one line whenever runs, or what else is counted, have ended."""

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
    """A display; quiet shows nothing."""
    if quiet:
        yield _Quiet()
    elif sys.stderr.isatty():
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


def telling(display: Display, total: int) -> Callback:
    """A callback for an inline job that tells a display of the runs that ended."""
    started, ended = time.monotonic(), 0

    def tell(runs: Sequence[Run]) -> None:
        nonlocal ended
        if not runs:
            return
        ended += len(runs)
        rate = ended / (time.monotonic() - started)
        left = (total - ended) / rate
        where = f"{runs[0].processor} {runs[0].date} to {runs[-1].date}"
        display.update(ended, total, f"{rate:.0f}/s, {left:.0f} s left: {where}")

    return tell


def watch(job: Job, display: Display) -> Job:
    """Follow a job that the workers run until nothing of it is under way; Ctrl-C ends the watching
    alone.
    """
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
        if found.stalled and found.stalled != stalled:
            display.say(found.stalled)
        stalled = found.stalled
        time.sleep(
            max(POLL_SECONDS, 10 * (time.monotonic() - began))
        )  # watching must not slow down what it watches


def progress_text(found: State) -> str:
    """How far a job is and why what waits waits, in words."""
    lines = [f"{found.ended} of {found.total} runs have ended{_left(found.time_left)}"]
    lines += [
        f"{w['batches']} batches ({w['first']} to {w['last']}) wait: {w['why']}"
        for w in found.waiting
    ]
    return "\n".join([*lines, *([found.stalled] if found.stalled else [])])


def _left(left: TimeLeft | None) -> str:
    return f", {left.low:.0f} to {left.high:.0f} s left" if left else ""
