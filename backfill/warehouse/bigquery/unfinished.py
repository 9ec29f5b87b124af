"""Records of writes that have begun and not ended: an empty table each, in the scratch dataset.

Creating a table fails if it exists, so the record is also the lock of its process.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

from google.api_core.exceptions import Conflict, NotFound
from google.cloud.bigquery import Table as Described

from backfill import process_id
from backfill.errors import Refused
from backfill.warehouse.bigquery.jobs import Jobs
from backfill.warehouse.port import UnfinishedWrite

PREFIX = "unfinished_"
# A process of another host counts as running for this long.
RUNS_AT_MOST = timedelta(minutes=30)


class UnfinishedTables:
    """Records in one dataset."""

    def __init__(self, jobs: Jobs, dataset: str) -> None:
        self._jobs, self._dataset = jobs, dataset

    def read(self) -> list[UnfinishedWrite]:
        """Return the recorded writes, each with the state of its process."""
        client, retry = self._jobs.client, self._jobs.api_retry

        def names() -> list[str]:
            try:
                listed = client.list_tables(self._dataset, retry=retry)
                return [t.table_id for t in listed if t.table_id.startswith(PREFIX)]
            except NotFound:
                return []

        found = (self._read(name) for name in self._jobs.patiently(names))
        return [write for write in found if write]

    def _read(self, name: str) -> UnfinishedWrite | None:
        def described() -> Described | None:
            try:
                return self._jobs.client.get_table(
                    f"{self._dataset}.{name}", retry=self._jobs.api_retry
                )
            except NotFound:
                return None

        if not (table := self._jobs.patiently(described)):
            return None
        try:
            found = UnfinishedWrite(**json.loads(table.description or ""))
        except (ValueError, TypeError):
            found = UnfinishedWrite(title="load")
        return replace(found, is_running=_is_running(found.version, table.created))

    @contextmanager
    def held(self, name: str, write: UnfinishedWrite) -> Iterator[None]:
        """Record a write until the block ends, or fails with an error that its caller reports.

        Raises Refused while another process does the same.
        """
        table = Described(f"{self._dataset}.{PREFIX}{name}")
        table.description = json.dumps(asdict(replace(write, version=process_id.this_process())))
        if not self._created(table):
            if (other := self._read(table.table_id)) and other.is_running:
                raise Refused(f"{other.sentence}; {other.advice}")
            self._delete(table)
            if not self._created(table):
                raise Refused(f"{write.title} was just started by another process; wait for it")
        try:
            yield
        except Exception:
            self._delete(table)
            raise
        self._delete(table)

    def _created(self, table: Described) -> bool:
        def create() -> bool:
            try:
                self._jobs.client.create_table(table, retry=self._jobs.api_retry)
            except Conflict:
                return False
            return True

        return self._jobs.patiently(create)

    def _delete(self, table: Described) -> None:
        self._jobs.patiently(
            lambda: self._jobs.client.delete_table(
                table, not_found_ok=True, retry=self._jobs.api_retry
            )
        )


def _is_running(owner: str, created: datetime | None) -> bool:
    if not owner or process_id.is_gone(owner):
        return False
    return (
        process_id.is_here(owner) or created is None or datetime.now(UTC) - created < RUNS_AT_MOST
    )
