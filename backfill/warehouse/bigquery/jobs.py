"""The jobs of one session: named so that they are found again, labelled, waited for, tried again
while BigQuery is busy.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, TypeVar
from uuid import uuid4

from google.api_core.exceptions import Conflict, NotFound
from google.api_core.retry import Retry
from google.cloud.bigquery import Client, QueryJob, QueryJobConfig
from google.cloud.bigquery.retry import DEFAULT_RETRY

from backfill.errors import WarehouseError
from backfill.warehouse.bigquery.errors import Stopped, api_errors, sorted_error
from backfill.warehouse.bigquery.parameters import Parameter
from backfill.warehouse.bigquery.sql import SCRATCH_HOURS
from backfill.warehouse.port import Work

T = TypeVar("T")
NAME = "backcourt"
# How long one call, and one statement that fails again and again, is tried before the step is given
# back.
PATIENCE_SECONDS = 60.0
# Within that the client itself asks again for so long after a request that failed.
REQUEST_SECONDS = 10.0
FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS = 1.0, 16.0
# A job found again must not be so old that the rows it staged expire while they are read.
FRESH = timedelta(hours=SCRATCH_HOURS / 2)


def label(text: str) -> str:
    """Text as BigQuery takes it for a label: at most 63 lower-case letters, digits, dashes and
    underscores.
    """
    return re.sub(r"[^a-z0-9_-]", "-", text.lower())[:63]


def _may_retry(error: BaseException) -> bool:
    return isinstance(error, WarehouseError) and error.retryable and not isinstance(error, Stopped)


class Jobs:
    """Runs statements as jobs; `work` says on whose behalf."""

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
        self._labels, self._max_bytes, self._patience = labels, max_bytes, patience
        self.api_retry = DEFAULT_RETRY.with_timeout(min(patience, REQUEST_SECONDS))

    def config(self, parameters: Sequence[Parameter], **fields: Any) -> QueryJobConfig:
        """What every job carries."""
        labels = {label(k): label(v) for k, v in {**self._labels, **self.work.labels}.items() if v}
        if self._max_bytes:
            fields["maximum_bytes_billed"] = self._max_bytes
        return QueryJobConfig(query_parameters=list(parameters), labels=labels, **fields)

    def patiently(self, call: Callable[[], T]) -> T:
        """Call until it does not say that BigQuery is busy, with growing pauses. Raises what it
        last raised.
        """
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
        """Run a statement once: under the same work, what has been done or goes on already is not
        begun again.
        """
        name, seen = self._name(sql, parameters), set(self.work.known)

        def attempt() -> QueryJob:
            # From the first name again: a job whose answer was lost is found there, and only a
            # failed one is passed by.
            job = next(
                filter(None, (self._begun(f"{name}-{n}", sql, parameters, seen) for n in count()))
            )
            job.result(retry=self.api_retry, job_retry=None)
            return job

        return self.patiently(attempt)

    def _begun(
        self, name: str, sql: str, parameters: Sequence[Parameter], seen: set[str]
    ) -> QueryJob | None:
        """The job of this name, begun or found; None when the one that is found is of no use."""
        if name in seen and (found := self._found(name)):
            return found if self._is_of_use(found, sql, parameters) else None
        self.work.note(name)
        seen.add(name)
        try:
            config = self.config(parameters)
            return self.client.query(
                sql, job_config=config, job_id=name, retry=self.api_retry, job_retry=None
            )
        except Conflict:
            found = self._found(name)
            return found if found and self._is_of_use(found, sql, parameters) else None

    def _found(self, name: str) -> QueryJob | None:
        try:
            found = self.client.get_job(name, retry=self.api_retry)
        except NotFound:
            return None
        return found if isinstance(found, QueryJob) else None

    def _is_of_use(self, job: QueryJob, sql: str, parameters: Sequence[Parameter]) -> bool:
        """Whether a job does or did just this. One that failed for a lasting reason is of use: it
        says so again.
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
        """A name that the same statement with the same values has again under the same work, and no
        other.
        """
        if not self.work.key:
            return f"{NAME}-{uuid4().hex}"
        return f"{NAME}-{self.digest(sql, parameters)}"

    def digest(self, sql: str, parameters: Sequence[Parameter]) -> str:
        """Forty characters that the same statement with the same values has again under the same
        work.
        """
        content = json.dumps([self.work.key, sql, _shape(parameters)], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:40]

    def cancel(self, names: Collection[str]) -> int:
        """Ask that these jobs stop; return how many there were to be asked."""
        return sum(self._cancel(name) for name in names)

    def _cancel(self, name: str) -> bool:
        try:
            job = self.client.get_job(name, retry=self.api_retry)
            if job.state != "DONE":
                self.client.cancel_job(name, retry=self.api_retry)
                return True
        except NotFound:
            pass
        return False


def _shape(parameters: Sequence[Any]) -> list[Any]:
    return [p.to_api_repr() for p in parameters]
