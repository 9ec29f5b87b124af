"""Log of a step: written once at its end, and each second while a longer step runs.

It never fails a step: a log that cannot be written is lost.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from threading import Event, Thread

from django.conf import settings
from django.db import Error, connection
from django.utils.timezone import now

from backfill.execution.claims import Attempt
from backfill.models import Job, Run, StepLog
from backfill.process_id import this_process
from backfill.processors.render import sql_hash
from backfill.telemetry.log_lines import LogLines, collecting, note
from backfill.version import code_version
from validation.findings.kinds import pluralize

log = logging.getLogger(__name__)
FLUSH_SECONDS = 1.0
LEVELS = {Run.Status.FAILED: "ERROR", Run.Status.BLOCKED: "WARNING"}


@contextmanager
def keeping(attempt: Attempt) -> Iterator[None]:
    """Collect and store the log of an attempt."""
    lines = LogLines(settings.RUN_LOG_MAX_KB * 1024)
    row = StepLog(
        job=attempt.job,
        processor=attempt.code,
        batch=attempt.batch.number,
        claim=attempt.claim,
        worker=this_process(),
        dates={str(run.date): "" for run in attempt.runs},
        started_at=now(),
    )
    ended = Event()
    flush = Thread(target=_flush_on, args=(copy(row), lines, ended), name="step log", daemon=True)
    if not connection.in_atomic_block:  # the thread would wait for its locks
        flush.start()
    try:
        with collecting(lines):
            _begin(attempt)
            try:
                yield
            except BaseException as error:
                note(f"{type(error).__name__}: {error}", level="ERROR")
                raise
    finally:
        ended.set()
        if flush.is_alive():
            flush.join()
        _keep(attempt, row, lines)


def _begin(attempt: Attempt) -> None:
    days, job = [run.date for run in attempt.runs], attempt.job
    span = f"{days[0]} to {days[-1]}" if len(days) > 1 else f"{days[0]}"
    number = attempt.runs[0].losses + attempt.batch.retries + 1
    note(
        f"{attempt.code} of {attempt.batch}: {pluralize(len(days), 'date')}, {span}; attempt {number}"
    )
    note(f"worker {this_process()}, triggered by {job.actor}")
    note(f"code version {code_version() or 'unknown'}, SQL hash {sql_hash(attempt.code)}")
    note(f"options: {_options(job)}")
    if attempt.known:
        note(f"continues warehouse jobs {', '.join(attempt.known)}")


def _options(job: Job) -> str:
    """Return the options that are set."""
    return ", ".join(
        name if value is True else f"{name} {_text(value)}"
        for name, value in job.in_force.items()
        if value not in (False, None, "", []) and name != "reason"
    )


def _text(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def note_outcomes(attempt: Attempt) -> None:
    """Add a line per date: its outcome, and the checks of normal mode."""
    for run in attempt.runs:
        note(_outcome(run), day=run.date, level=LEVELS.get(Run.Status(run.status), "INFO"))
        for check in run.checks:
            why = f": {check['why']}" if check.get("why") else ""
            if check["status"] != "skipped":
                note(f"check {check['name']}: {check['status']}{why}", day=run.date)


def _outcome(run: Run) -> str:
    if run.status == Run.Status.RUNNING:
        return "no outcome in this attempt"
    if run.rows is None or run.status != Run.Status.COMPLETE:
        return f"{run.status}: {run.reason}" if run.reason else str(run.status)
    failures = ", ".join(f"{n} {name}" for name, n in run.failures.items())
    counts = f"{run.rows} rows, {sum(run.failures.values())} failures of {run.population}"
    warning = f"; warning: {run.reason}" if run.reason else ""
    return f"complete: {counts}{f' ({failures})' if failures else ''}{warning}"


def _keep(attempt: Attempt, row: StepLog, lines: LogLines) -> None:
    """Store the finished log."""
    row.ended_at, row.text, row.is_cut = now(), lines.text(), lines.is_cut
    row.dates = {str(run.date): _state(run) for run in attempt.runs}
    row.result = _result(attempt.runs)
    try:
        row.keep()
    except Error as error:  # of the database; the step has its own
        log.info("the %s was not stored: %s", row, error)


def _state(run: Run) -> str:
    """Return the state after the attempt. A run that it gave back is still running here."""
    return "requeued" if run.status == Run.Status.RUNNING else run.status


def _result(runs: Sequence[Run]) -> str:
    counts = Counter(map(_state, runs))
    return ", ".join(f"{n} {state}" for state, n in counts.items())


def _flush_on(row: StepLog, lines: LogLines, ended: Event) -> None:
    """Store the lines of a running step each second, in a thread of its own."""
    seen = 0
    if ended.wait(FLUSH_SECONDS):
        return
    try:
        while not ended.is_set():
            if lines.version != seen:
                seen = lines.version
                row.text, row.is_cut = lines.text(), lines.is_cut
                try:
                    row.keep_unfinished()
                except Error:  # the next second, or the end, tries again
                    connection.close()
            ended.wait(FLUSH_SECONDS)
    finally:
        connection.close()
