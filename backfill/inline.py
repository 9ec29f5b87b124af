"""A whole job in this process, without workers: batches side by side, the processors of each one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from threading import Event, Lock

from django.conf import settings
from django.db import connection, transaction
from django.utils.timezone import now

from backfill import coverage
from backfill.control import finish
from backfill.models import Job, Run
from backfill.running import run_processor

Progress = Callable[[Sequence[Run]], None]
RunBatch = Callable[[int], None]


def run_inline(job: Job, who: str, progress: Progress = lambda runs: None) -> Job:
    """Run a job to its end. `progress` is told of the runs that ended, one call at a time."""
    calendar, stop, telling = coverage.calendar(), Event(), Lock()
    job.move((Job.Status.QUEUED,), Job.Status.RUNNING, who, started_at=job.started_at or now())

    def run_batch(number: int) -> None:
        for code in job.parsed_options.processors:
            if stop.is_set():
                return
            ended = run_processor(job, code, number, calendar, who)
            with telling:
                progress(ended)

    pending = job.runs.filter(status=Run.Status.PENDING)
    with _paused_on_interrupt(job, who):
        _run_all(sorted(set(pending.values_list("batch", flat=True))), run_batch, stop)
    return finish(job, who)


def _run_all(numbers: Sequence[int], run_batch: RunBatch, stop: Event) -> None:
    """Run the batches, MAX_PARALLEL_BATCHES at a time; an interruption stops them between two processors."""
    if settings.MAX_PARALLEL_BATCHES == 1 or len(numbers) == 1:
        for number in numbers:
            run_batch(number)
        return
    with ThreadPoolExecutor(settings.MAX_PARALLEL_BATCHES) as pool:
        running = [pool.submit(_in_thread, run_batch, number) for number in numbers]
        try:
            for batch in as_completed(running):
                batch.result()
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)


def _in_thread(run_batch: RunBatch, number: int) -> None:
    try:
        run_batch(number)
    finally:
        connection.close()  # the thread's own, which nobody else would close


@contextmanager
def _paused_on_interrupt(job: Job, who: str) -> Iterator[None]:
    """Ctrl-C, or an error that nobody foresaw, leaves a paused job that the same command goes on with."""
    try:
        yield
    except BaseException as error:
        why = "interrupted" if isinstance(error, KeyboardInterrupt) else f"{type(error).__name__}: {error}"
        with transaction.atomic():
            job.runs.all().move((Run.Status.RUNNING,), Run.Status.PENDING, who, why)
            job.move((Job.Status.RUNNING,), Job.Status.PAUSED, who, why)
        raise
