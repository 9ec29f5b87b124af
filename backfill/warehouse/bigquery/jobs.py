"""Jobs of one session: named for later lookup, labeled, awaited, and retried while BigQuery is
busy.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import Any, TypeVar
from uuid import uuid4

from google.api_core.exceptions import Conflict, NotFound
from google.api_core.retry import Retry
from google.cloud.bigquery import Client, QueryJob, QueryJobConfig
from google.cloud.bigquery.retry import DEFAULT_RETRY

from backfill.errors import WarehouseBusy, WarehouseClosed, WarehouseError
from backfill.warehouse.bigquery.errors import Stopped, api_errors, sorted_error
from backfill.warehouse.bigquery.parameters import Parameter
from backfill.warehouse.bigquery.sql import SCRATCH_HOURS
from backfill.warehouse.port import Charge, StoppedJobs, Work

T = TypeVar("T")
NAME = "backcourt"
# Time limit of one call, and of one statement that keeps failing, before the step is requeued.
PATIENCE_SECONDS = 60.0
# Within that limit the client retries a failed request for this long.
REQUEST_SECONDS = 10.0
# BigQuery confirms a cancellation before the job has ended.
CANCEL_SECONDS, CANCEL_POLL_SECONDS = 5.0, 0.2
FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS = 1.0, 16.0
# Younger than the expiry of staged rows, so that a reused job's rows do not expire while read.
FRESH = timedelta(hours=SCRATCH_HOURS / 2)


def label(text: str) -> str:
    """Return text as the value of a BigQuery label: at most 63 lower-case letters, digits, dashes
    and underscores.
    """
    return re.sub(r"[^a-z0-9_-]", "-", text.lower())[:63]


def label_key(text: str) -> str:
    """Return text as the key of a BigQuery label, which starts with a letter."""
    key = label(text)
    return key if key[:1].isalpha() else label(f"label-{key}")


def _may_retry(error: BaseException) -> bool:
    lasts = isinstance(error, Stopped | WarehouseClosed)
    return isinstance(error, WarehouseError) and error.retryable and not lasts


class Jobs:
    """Runs statements as jobs on behalf of `work`."""

    def __init__(
        self,
        client: Client,
        *,
        labels: Mapping[str, str],
        max_bytes: int | None = None,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self.client = client
        self.work = Work()
        self._charged: set[str] = set()
        self._labels, self._max_bytes, self._patience = labels, max_bytes, patience
        self.api_retry = DEFAULT_RETRY.with_timeout(min(patience, REQUEST_SECONDS))

    def config(self, parameters: Sequence[Parameter], **fields: Any) -> QueryJobConfig:
        """Return the configuration common to all jobs."""
        labels = {
            label_key(k): label(v) for k, v in {**self._labels, **self.work.labels}.items() if v
        }
        if self._max_bytes:
            fields["maximum_bytes_billed"] = self._max_bytes
        return QueryJobConfig(query_parameters=list(parameters), labels=labels, **fields)

    def rows_of_table(self, name: str, columns: Sequence[str]) -> list[tuple[Any, ...]]:
        """Return columns of a table, read without a job."""

        def read() -> list[tuple[Any, ...]]:
            table = self.client.get_table(name, retry=self.api_retry)
            fields = {f.name: f for f in table.schema}
            selected = [fields[c] for c in columns]
            return list(map(tuple, self.client.list_rows(table, selected, retry=self.api_retry)))

        return self.patiently(read)

    def patiently(self, call: Callable[[], T]) -> T:
        """Call with growing pauses until BigQuery is not busy. Raises the last error."""
        last: list[WarehouseError] = []
        retry = Retry(
            predicate=_may_retry,
            initial=FIRST_DELAY_SECONDS,
            maximum=LONGEST_DELAY_SECONDS,
            multiplier=2,
            timeout=self._patience,
            on_error=lambda error: (
                last.append(error) if isinstance(error, WarehouseError) else None
            ),
        )

        def guarded() -> T:
            with api_errors():
                return call()

        try:
            return retry(guarded)()
        except WarehouseError:
            raise
        except Exception:
            if last:
                raise last[-1] from None
            raise

    def run(self, sql: str, parameters: Sequence[Parameter]) -> QueryJob:
        """Run a statement once: under the same work, a finished or running job is reused."""
        name, seen = self._name(sql, parameters), set(self.work.known)

        def attempt() -> QueryJob:
            # From the first name again: a job whose response was lost is found there, and only a
            # failed one
            # is skipped.
            job = next(
                filter(None, (self._begun(f"{name}-{n}", sql, parameters, seen) for n in count()))
            )
            job.result(retry=self.api_retry, job_retry=None)
            self._charge(job)
            return job

        return self.patiently(attempt)

    def _charge(self, job: QueryJob) -> None:
        """Report the cost of a job once, and not of one that an earlier attempt started."""
        if job.job_id not in self._charged.union(self.work.known):
            self._charged.add(job.job_id)
            self.work.charge(Charge(job.total_bytes_billed or 0, (job.slot_millis or 0) / 1000))

    def _begun(
        self, name: str, sql: str, parameters: Sequence[Parameter], seen: set[str]
    ) -> QueryJob | None:
        """Return the job of this name, started or found; None if the found job is not reusable."""
        if name in seen and (found := self._found(name)):
            return found if self._is_of_use(found, sql, parameters) else None
        self.work.note(name)
        seen.add(name)
        try:
            config = self.config(parameters)
            return self.client.query(
                sql, job_config=config, job_id=name, retry=self.api_retry, job_retry=None
            )
        except Conflict as taken:
            if not (found := self._found(name)):
                # Another name would run the statement twice: this job may be running.
                raise WarehouseBusy(
                    f"BigQuery has job {name}, but does not find it in {self.client.location}"
                ) from taken
            return found if self._is_of_use(found, sql, parameters) else None

    def _found(self, name: str) -> QueryJob | None:
        try:
            found = self.client.get_job(name, retry=self.api_retry)
        except NotFound:
            return None
        return found if isinstance(found, QueryJob) else None

    def _is_of_use(self, job: QueryJob, sql: str, parameters: Sequence[Parameter]) -> bool:
        """Return True if a job did, or is doing, exactly this. A job with a lasting error is
        reusable, because its error would repeat.
        """
        if job.query != sql or _shape(job.query_parameters) != _shape(parameters):
            return False
        if job.created and job.created < datetime.now(UTC) - FRESH:
            return False
        failed = job.error_result
        return (
            not failed
            or not sorted_error(failed.get("reason", ""), failed.get("message", "")).retryable
        )

    def _name(self, sql: str, parameters: Sequence[Parameter]) -> str:
        """Return a name that only the same statement with the same values under the same work has
        again.
        """
        if not self.work.key:
            return f"{NAME}-{uuid4().hex}"
        return f"{NAME}-{self.digest(sql, parameters)}"

    def digest(self, sql: str, parameters: Sequence[Parameter]) -> str:
        """Return forty characters, equal for the same statement with the same values under the same
        work.
        """
        content = json.dumps([self.work.key, sql, _shape(parameters)], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:40]

    def retire(self, name: str, taking: str, *, cancel: bool) -> None:
        """Take a name with the statement `taking`; wait for the job that has it already.

        A process that continues after its claim was lost can start no job whose name is taken.
        Raises WarehouseBusy while the job runs.
        """
        config = self.config([])
        job = self._found(name)
        if job is None:
            with suppress(Conflict):  # it has started now; the next call finds it
                self.client.query(
                    taking, job_config=config, job_id=name, retry=self.api_retry, job_retry=None
                )
                return
            raise WarehouseBusy(f"job {name} of an earlier attempt has just started")
        if job.state != "DONE":
            if cancel:
                self.client.cancel_job(name, retry=self.api_retry)
            raise WarehouseBusy(f"job {name} of an earlier attempt is still running")

    def cancel(self, names: Collection[str]) -> StoppedJobs:
        """Cancel the running jobs among these; wait a few seconds for their end."""
        running = {name for name in names if self.patiently(partial(self._request_end, name))}
        stopped: set[str] = set()
        deadline = time.monotonic() + CANCEL_SECONDS
        while running:
            jobs = {name: self.patiently(partial(self._found, name)) for name in running}
            ended = {name for name, job in jobs.items() if job is None or job.state == "DONE"}
            stopped |= {name for name in ended if _was_stopped(jobs[name])}
            running -= ended
            if not running or time.monotonic() > deadline:
                break
            time.sleep(CANCEL_POLL_SECONDS)
        return StoppedJobs(tuple(sorted(stopped)), tuple(sorted(running)))

    def _request_end(self, name: str) -> bool:
        """Request the cancellation of a job; return False if none of this name is running."""
        job = self._found(name)
        if job is None or job.state == "DONE":
            return False
        with suppress(NotFound):
            self.client.cancel_job(name, retry=self.api_retry)
        return True


def _was_stopped(job: QueryJob | None) -> bool:
    return bool(job and job.error_result and job.error_result.get("reason") == "stopped")


def _shape(parameters: Sequence[Any]) -> list[Any]:
    return [p.to_api_repr() for p in parameters]
