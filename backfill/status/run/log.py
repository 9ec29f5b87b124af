"""Log of a run: the lines of its attempts about its date and about the step as a whole."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from backfill.elapsed import seconds_between
from backfill.models import Run, StepLog
from backfill.telemetry.log_lines import INDENT

FORM = re.compile(r"(\S+Z) ([A-Z]+) (?:\[(\d{4}-\d\d-\d\d)\] )?(.*)", re.DOTALL)
TROUBLE = ("WARNING", "ERROR", "CRITICAL")
RUNNING, LOST = "running", "worker lost"


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """Line of a log with its continued lines; `date` is empty for a line about the whole step."""

    at: str
    level: str
    date: str
    text: str

    @property
    def is_trouble(self) -> bool:
        """True for a warning or an error."""
        return self.level in TROUBLE

    def __str__(self) -> str:
        about = f"[{self.date}] " if self.date else ""
        return f"{self.at} {self.level} {about}{self.text}".rstrip()


def lines_of(log: StepLog) -> Iterator[LogLine]:
    """Yield all lines of an attempt."""
    entry: list[str] = []
    for line in log.text.split("\n") if log.text else ():
        if line.startswith(INDENT) and entry:
            entry.append(line)
            continue
        if entry:
            yield _line(entry)
        entry = [line]
    if entry:
        yield _line(entry)


def _line(entry: Sequence[str]) -> LogLine:
    text = "\n".join(entry)
    if found := FORM.fullmatch(text):
        at, level, day, rest = found.groups()
        return LogLine(at=at, level=level, date=day or "", text=rest)
    return LogLine(at="", level="", date="", text=text)


@dataclass(frozen=True, kw_only=True)
class LogFilter:
    """Selection of lines: those that contain a text, and with `every_date` those about the other
    dates of the step.
    """

    text: str = ""
    every_date: bool = False
    trouble: bool = False

    def lines(self, log: StepLog, run: Run) -> list[LogLine]:
        """Return the selected lines of an attempt at a run."""
        wanted, own = self.text.casefold(), ("", str(run.date))
        return [
            line
            for line in lines_of(log)
            if (self.every_date or line.date in own)
            and (not self.trouble or line.is_trouble)
            and (not wanted or wanted in str(line).casefold())
        ]


def state_of(log: StepLog, run: Run) -> str:
    """Return the state of a run after an attempt."""
    if log.ended_at is None:
        return RUNNING if run.status == Run.Status.RUNNING and run.claim == log.claim else LOST
    return str(log.dates[str(run.date)])


def as_text(run: Run, logs: Sequence[StepLog], chosen: LogFilter) -> str:
    """Return the log of a run as text, one section per attempt."""
    parts = [f"# run {run.run_id}: {run.processor} {run.date}, job {run.job_id}"]
    for number, log in enumerate(logs, 1):
        parts.append(
            f"# attempt {number} of {len(logs)}: {state_of(log, run)}, worker {log.worker}"
        )
        parts += map(str, chosen.lines(log, run))
    if not logs:
        parts.append(f"# {empty_reason(run, datetime.now(UTC))}")
    return "\n".join(parts) + "\n"


def empty_reason(run: Run, at: datetime) -> str:
    """Return why a run has no log."""
    if run.started_at is None:
        return "not started yet" if run.status in Run.ACTIVE else "no attempt: it did not start"
    if run.status == Run.Status.RUNNING and seconds_between(run.started_at, at) < 3:
        return "the first lines follow within a second"
    return "no log is stored: it was pruned, or the run is older than logs of runs"
