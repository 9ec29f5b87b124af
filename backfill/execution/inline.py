"""Inline execution of a job in this process: parallel batches, each with its steps in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from threading import Event, Lock

from django.db import connection, transaction
from django.utils.timezone import now

from backfill.execution import dispatch
from backfill.execution.step import run_step
from backfill.models import Batch, EventCause, Job, Run
from backfill.notify import pubsub
from backfill.season_calendar import load_calendar

Progress = Callable[[Sequence[Run]], None]
RunBatches = Callable[[], None]
POLL_SECONDS = 0.5


def run_inline(job: Job, actor: str, progress: Progress = lambda runs: None) -> Job:
    """Run a job until it ends, is paused or cancelled.

    `progress` receives finished runs, one call at a time.
    """
    stop, reporting, ended_batch = Event(), Lock(), Event()

    def run_batches() -> None:
        while not stop.is_set() and (batch := _next(job, stop, ended_batch)):
            for code in job.parsed_options.processors:
                if stop.is_set():
                    return
                ended = run_step(batch, code, load_calendar(), actor)
                with reporting:
                    progress(ended)
            ended_batch.set()

    with paused_on_interrupt(job, actor):
        _run_all(min(job.max_in_flight, job.batches.count()), run_batches, stop)
        with transaction.atomic():
            dispatch.settle_job(Job.locked(job.pk), actor)
    job.refresh_from_db()
    pubsub.deliver(now())
    return job


def _next(job: Job, stop: Event, ended_batch: Event) -> Batch | None:
    """Return the next batch in flight; None at the end.

    Waits for the canary in another thread, a concurrency limit or a retry delay.
    """
    waiting = job.batches.filter(status=Batch.Status.WAITING, job__status__in=Job.ACTIVE)
    while not (batch := dispatch.take_batch(job)):
        ended_batch.wait(POLL_SECONDS)
        ended_batch.clear()
        if not waiting.exists() or stop.is_set():
            return None
    return batch


def _run_all(threads: int, run_batches: RunBatches, stop: Event) -> None:
    """Run the batches in threads; an interrupt stops them between steps."""
    if threads <= 1:
        run_batches()
        return
    with ThreadPoolExecutor(threads) as pool:
        running = [pool.submit(_in_thread, run_batches) for _ in range(threads)]
        try:
            for done in as_completed(running):
                done.result()
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)


def _in_thread(run_batches: RunBatches) -> None:
    try:
        run_batches()
    finally:
        connection.close()  # Django opens one connection per thread


@contextmanager
def paused_on_interrupt(job: Job, actor: str) -> Iterator[None]:
    """Pause the job on Ctrl-C or an unexpected error; the same command resumes it."""
    try:
        yield
    except BaseException as error:
        interrupted = isinstance(error, KeyboardInterrupt)
        reason = "interrupted" if interrupted else f"{type(error).__name__}: {error}"
        cause = EventCause.INTERRUPT if interrupted else EventCause.ERROR
        with transaction.atomic():
            locked = Job.locked(job.pk)
            dispatch.requeue(locked, job.runs.all(), actor=actor, reason=reason, cause=cause)
            locked.transition(
                Job.ACTIVE, Job.Status.PAUSING, actor=actor, reason=reason, cause=cause
            )
            dispatch.settle_job(locked, actor)
        job.refresh_from_db()
        raise
