"""The BigQuery warehouse: one session of the port on the datasets of a project."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

from google.cloud.bigquery import Client, QueryJob

from backfill.warehouse.bigquery import sql as statements
from backfill.warehouse.bigquery.connection import Place, connect, is_emulated
from backfill.warehouse.bigquery.jobs import Jobs
from backfill.warehouse.bigquery.load_config import load_config
from backfill.warehouse.bigquery.metadata import Looking
from backfill.warehouse.bigquery.parameters import Parameter, parameters, plain, rows_parameter
from backfill.warehouse.port import Params, Row, Work
from backfill.warehouse.schema import Table
from backfill.warehouse.tables import FAILURES, HISTORY, OUTPUTS, TABLES

# From so many rows on the Storage API is faster than pages of JSON, whose first answer comes
# sooner.
MANY_ROWS = 5_000
# BigQuery charges for as much of each table that a statement reads, however little it is.
LEAST_BYTES = 10 * 2**20


class BigQueryWarehouse:
    """One session; open one per thread. Nothing is asked of BigQuery before it is used."""

    def __init__(
        self, place: Place, *, labels: Mapping[str, str] | None = None, max_bytes: int | None = None
    ) -> None:
        self.place = place
        self._labels, self._max_bytes = labels or {}, max_bytes
        self._staged: dict[str, str] = {}

    @cached_property
    def client(self) -> Client:
        """The client, made at the first use."""
        return connect(self.place)

    @cached_property
    def jobs(self) -> Jobs:
        """The jobs of this session."""
        return Jobs(self.client, labels=self._labels, max_bytes=self._max_bytes)

    @cached_property
    def looking(self) -> Looking:
        """What is known of the tables without a job, or with one until they change."""
        return Looking(self.jobs, self.place, self._rows_of)

    # Work

    @contextmanager
    def working(self, work: Work) -> Iterator[None]:
        """What is run within is named, labelled and noted as that work's."""
        before, self.jobs.work = self.jobs.work, work
        try:
            yield
        finally:
            self.jobs.work = before

    def cancel(self, names: Collection[str]) -> int:
        """Stop the jobs of these names that still go on; return how many there were."""
        return self.jobs.patiently(lambda: self.jobs.cancel(names))

    # Reading

    def query(self, sql: str, params: Params | None = None) -> list[Row]:
        """Run one SELECT and return its rows."""
        return self._rows_of(self._narrowed(sql, params or {}), params or {})

    def _rows_of(self, text: str, params: Params) -> list[Row]:
        config = self.jobs.config(_bound(text, params))

        def ask() -> list[Row]:
            rows = self.client.query_and_wait(
                text,
                job_config=config,
                retry=self.jobs.api_retry,
                job_retry=None,  # type: ignore[arg-type]
            )
            if (rows.total_rows or 0) > MANY_ROWS and not is_emulated():
                return [
                    plain(row) for row in rows.to_arrow(create_bqstorage_client=True).to_pylist()
                ]
            return [plain(dict(row)) for row in rows]

        return self.jobs.patiently(ask)

    def _narrowed(self, sql: str, params: Params) -> str:
        return statements.narrowed(sql, params, staged=self._staged, prefix=self.place.prefix)

    def stage(self, name: str, sql: str, params: Params) -> None:
        """Run one SELECT and keep its rows in a table of the scratch dataset, which expires by
        itself.
        """
        work = self.jobs.work
        text = self._narrowed(sql, params)
        bound = _bound(text, params)
        place = (
            f"{self.scratch}.{name}_{self.jobs.digest(text, bound) if work.key else uuid4().hex}"
        )
        self.jobs.run(statements.staging(place, text), bound)
        self._staged[name] = place

    def stage_file(self, name: str, table: Table, file: Path) -> None:
        """Load a Parquet file into a table of the scratch dataset."""
        place = f"{self.scratch}.{name}_{uuid4().hex}"
        self._upload(table, file, place)
        self._staged[name] = place

    @property
    def scratch(self) -> str:
        """The dataset of staged rows."""
        return f"{self.place.prefix}{statements.SCRATCH}"

    def staged(self, name: str, columns: Sequence[str]) -> list[tuple[Any, ...]]:
        """Some columns of the rows staged as `name`, read from their table without a job."""

        def read() -> list[tuple[Any, ...]]:
            table = self.client.get_table(self._staged[name], retry=self.jobs.api_retry)
            fields = {f.name: f for f in table.schema}
            rows = self.client.list_rows(
                table, selected_fields=[fields[c] for c in columns], retry=self.jobs.api_retry
            )
            return [tuple(row) for row in rows]

        return self.jobs.patiently(read)

    def bytes_read(self, sql: str, params: Params, writes: int = 0) -> int:
        """What one SELECT would be charged for, asked by a dry run, and so many writes of its rows.

        A write reads the rows and the partitions that they replace: of a batch, either is less than
        the least charged.
        """
        text = self._narrowed(sql, params)
        config = self.jobs.config(_bound(text, params), dry_run=True, use_query_cache=False)
        job = self.jobs.patiently(
            lambda: self.client.query(text, job_config=config, job_retry=None)
        )
        least = LEAST_BYTES * len(job.referenced_tables or [])
        return max(job.total_bytes_processed or 0, least) + writes * 2 * LEAST_BYTES

    def seasons(self, table: Table) -> set[int]:
        """The seasons of an input table that are loaded."""
        return self.looking.seasons(table)

    def stamp(self, table: Table, season_year: int) -> str:
        """What changes whenever the table does, whatever the season."""
        return f"{season_year} {self.looking.stamp(table)}"

    def partitions(
        self, table: Table, processor_name: str = "", among: Collection[date] | None = None
    ) -> set[date]:
        """The dates for which an output table has a partition, or a log table a processor's slice."""
        found = self.looking.partitions(table, processor_name)
        return found if among is None else found.intersection(among)

    def expiring(self) -> dict[str, int]:
        """The tables whose partitions expire, each with the days after which they do."""
        return {str(table): days for table in TABLES if (days := self.looking.expires_after(table))}

    # Writing

    def replace(
        self,
        table: Table,
        dates: Sequence[date],
        sql: str,
        params: Params,
        processor_name: str = "",
    ) -> int | None:
        """Replace these partitions in one statement; the rows that it inserted are what they hold."""
        text = statements.replacing(table, self._narrowed(sql, params))
        own = {statements.DATES: list(dates), statements.NAME: processor_name}
        job = self._write(table, text, _bound(text, {**params, **own}))
        return _inserted(job) if sql else 0

    def _write(self, table: Table, text: str, bound: Sequence[Any]) -> QueryJob:
        try:
            return self.jobs.run(
                statements.narrowed(text, prefix=self.place.prefix) if self.place.prefix else text,
                bound,
            )
        finally:
            self.looking.forget(table)

    def record(self, table: Table, rows: Sequence[Row]) -> None:
        """Add rows to a log in one statement."""
        dates, ids = (
            sorted({row[table.partition] for row in rows}),
            sorted({row["run_id"] for row in rows}),
        )
        bound = parameters({statements.DATES: dates, statements.RUN_IDS: ids})
        self._write(
            table, statements.adding(table), [rows_parameter(statements.ROWS, table, rows), *bound]
        )

    def load(self, table: Table, season_year: int, file: Path) -> None:
        """Load a file beside, then replace the season by it in one statement."""
        beside = f"{self.scratch}.{table.name}_{season_year}_{uuid4().hex}"
        try:
            self._upload(table, file, beside)
            self._write(table, statements.loading(table, season_year, beside), [])
        finally:
            self.jobs.patiently(
                lambda: self.client.delete_table(
                    beside, not_found_ok=True, retry=self.jobs.api_retry
                )
            )

    def _upload(self, table: Table, file: Path, to: str) -> None:
        """Make a table of a Parquet file that has the columns of another one."""
        config = load_config(table, file, self.jobs.config([]).labels)

        def upload() -> None:
            with file.open("rb") as content:
                job = self.client.load_table_from_file(
                    content, f"{self.place.project}.{to}", job_config=config
                )
                job.result(retry=self.jobs.api_retry)

        self.jobs.patiently(upload)

    def check_writable(self) -> None:
        """Raise WarehouseUnwritable when the tables that are written are not there, or nobody may
        ask for them.
        """
        self.jobs.patiently(
            lambda: self.client.get_dataset(self.scratch, retry=self.jobs.api_retry)
        )
        for table in (*OUTPUTS, FAILURES, HISTORY):
            self.looking.stamp(table)

    def sweep(self) -> int:
        """Nothing: staged rows expire by themselves, and a job that nobody waits for ends."""
        return 0


def _bound(text: str, params: Params) -> list[Parameter]:
    """The parameters that a statement mentions."""
    return parameters(
        {name: value for name, value in params.items() if re.search(rf"@{name}\b", text)}
    )


def _inserted(job: QueryJob) -> int | None:
    """The rows that a MERGE inserted; None where the answer does not tell them from those deleted."""
    return None if job.dml_stats is None else int(job.dml_stats.inserted_row_count)
