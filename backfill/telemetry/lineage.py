"""OpenLineage events of runs, sent by a thread. Off without OPENLINEAGE_URL.

Nothing of OpenLineage is imported while it is unset. A service that fails delays and fails no step:
its events are dropped.
"""

from __future__ import annotations

import atexit
import logging
import time
from collections.abc import Iterable
from functools import cache
from queue import Full, Queue
from threading import Lock, Thread
from typing import TYPE_CHECKING

from django.conf import settings

from backfill.models import Job, Run

if TYPE_CHECKING:
    from openlineage.client.event_v2 import RunEvent
    from openlineage.client.transport.http import HttpTransport

log = logging.getLogger(__name__)
TIMEOUT_SECONDS = 2.0  # of one request
EXIT_SECONDS = 10.0  # that a process waits at its end
POLL_SECONDS = 0.02
MOST_EVENTS = 20_000  # in the queue; a season has 1,500
EVENT_TYPES: dict[str, str] = {
    Run.Status.COMPLETE: "COMPLETE",
    Run.Status.FAILED: "FAIL",
    Run.Status.BLOCKED: "FAIL",
}
JOB_EVENT_TYPES: dict[str, str] = {
    Job.Status.SUCCEEDED: "COMPLETE",
    Job.Status.FAILED: "FAIL",
    Job.Status.CANCELLED: "ABORT",
}
_lock = Lock()


def started(job: Job, runs: Iterable[Run]) -> None:
    """Send the START of these runs."""
    if settings.OPENLINEAGE_URL:
        _send(job, ((run, "START") for run in runs))


def job_started(job: Job) -> None:
    """Send the START of a job."""
    if settings.OPENLINEAGE_URL:
        _send(job, ((None, "START"),))


def ended(job: Job, runs: Iterable[Run]) -> None:
    """Send the end of these runs; none for a run that was skipped."""
    if settings.OPENLINEAGE_URL:
        _send(job, ((r, EVENT_TYPES[r.status]) for r in runs if r.status in EVENT_TYPES))


def job_ended(job: Job) -> None:
    """Send the end of a job that had started."""
    if settings.OPENLINEAGE_URL and job.started_at:
        _send(job, ((None, JOB_EVENT_TYPES[job.status]),))


def shut_down() -> None:
    """Send the events that are left, unless the service fails."""
    if _sender.cache_info().currsize:
        _current().close()


def _send(job: Job, events: Iterable[tuple[Run | None, str]]) -> None:
    from backfill.telemetry.lineage_events import event, job_event

    try:
        for run, kind in events:
            _current().add(event(job, run, kind) if run else job_event(job, kind))
    except Exception:  # a run never fails because of its lineage
        log.exception("no lineage of %s is sent", job)


class Sender:
    """Queue of events, and the thread that sends them in order, one request each."""

    def __init__(self, transport: HttpTransport, url: str) -> None:
        self.transport, self.url = transport, url
        self.events: Queue[RunEvent] = Queue(MOST_EVENTS)
        self.is_failing, self.dropped = False, 0
        Thread(target=self._run, name="lineage", daemon=True).start()

    def add(self, event: RunEvent) -> None:
        """Queue an event; drop it if the queue is full."""
        try:
            self.events.put_nowait(event)
        except Full:
            self.dropped += 1

    def _run(self) -> None:
        while True:
            event = self.events.get()
            try:
                self.transport.emit(event)
            except Exception as error:  # of the connection, or a refusal by the service
                self._note_failure(error)
            else:
                self._note_success()
            self.events.task_done()

    def _note_failure(self, error: Exception) -> None:
        self.dropped += 1
        if not self.is_failing:
            reason = " ".join(str(error).split())
            log.warning("lineage events are dropped until %s accepts them: %s", self.url, reason)
        self.is_failing = True

    def _note_success(self) -> None:
        if self.is_failing:
            log.warning(
                "lineage events are sent again: %s accepts them; %s were dropped",
                self.url,
                self.dropped,
            )
        self.is_failing, self.dropped = False, 0

    def close(self) -> None:
        """Wait until the queue is empty, but not for a service that fails."""
        end = time.monotonic() + EXIT_SECONDS
        while self.events.unfinished_tasks and time.monotonic() < end and not self.is_failing:
            time.sleep(POLL_SECONDS)
        if (left := self.events.unfinished_tasks) and not self.is_failing:
            log.warning("%s lineage events are dropped: %s is too slow", left, self.url)


@cache
def _sender() -> Sender:
    from openlineage.client.transport.http import HttpConfig, HttpTransport

    key = settings.OPENLINEAGE_API_KEY
    config = {
        "url": settings.OPENLINEAGE_URL,
        "timeout": TIMEOUT_SECONDS,
        "retry": dict.fromkeys(("total", "read", "connect"), 0),
        **({"auth": {"type": "api_key", "apiKey": key}} if key else {}),
    }
    atexit.register(shut_down)
    return Sender(HttpTransport(HttpConfig.from_dict(config)), settings.OPENLINEAGE_URL)


def _current() -> Sender:
    with _lock:
        return _sender()
