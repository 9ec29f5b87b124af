"""BigQuery warehouse: a session of the port on the datasets of a project."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import date
from functools import cached_property, partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from google.cloud.bigquery import Client, QueryJob
from pyarrow.parquet import read_table

from backfill.crash_points import crash_point
from backfill.errors import CorruptPartition, Refused
from backfill.statements import render
from backfill.warehouse import accounts
from backfill.warehouse.accounts import Account
from backfill.warehouse.bigquery import sql as statements
from backfill.warehouse.bigquery.connection import Place, connect, is_emulated
from backfill.warehouse.bigquery.jobs import Jobs
from backfill.warehouse.bigquery.load_config import load_config
from backfill.warehouse.bigquery.location import located
from backfill.warehouse.bigquery.metadata import Looking
from backfill.warehouse.bigquery.parameters import mentioned, parameters, plain, rows_parameter
from backfill.warehouse.bigquery.unfinished import UnfinishedTables
from backfill.warehouse.bigquery.versions import BigQueryVersions
from backfill.warehouse.dialect import naive
from backfill.warehouse.parquet.arrow import write_parquet
from backfill.warehouse.port import CHANGED, Charge, Params, Row, StoppedJobs, UnfinishedWrite, Work
from backfill.warehouse.schema import Table
from backfill.warehouse.tables import FAILURES, HISTORY, INPUTS, OUTPUTS, SCHED, TABLES
from validation.season import opened_season_year

# From this many rows the Storage API is faster than pages of JSON, which start sooner.
MANY_ROWS = 5_000
# BigQuery charges at least this much per table that a statement reads.
LEAST_BYTES = 10 * 2**20


class BigQueryWarehouse(BigQueryVersions):
    """Session for one thread. Sends nothing to BigQuery before its first use."""

    def __init__(
        self, place: Place, *, labels: Mapping[str, str] | None = None, max_bytes: int | None = None
    ) -> None:
        self.place = place
        self._labels, self._max_bytes = labels or {}, max_bytes
        self._staged: dict[str, str] = {}

    @cached_property
    def client(self) -> Client:
        """Return the client, created on first use; its jobs run in the location of the datasets."""
        return connect(located(self.place))

    @cached_property
    def jobs(self) -> Jobs:
        """Return the jobs of this session."""
        return Jobs(self.client, labels=self._labels, max_bytes=self._max_bytes)

    @cached_property
    def looking(self) -> Looking:
        """Return the cached metadata of the tables."""
        return Looking(self.jobs, self.place, self._rows_of)

    # Work

    @contextmanager
    def working(self, work: Work) -> Iterator[None]:
        """Name, label and note all jobs inside the block as that work's."""
        before, self.jobs.work = self.jobs.work, work
        try:
            yield
        finally:
            self.jobs.work = before

    def cancel(self, names: Collection[str]) -> StoppedJobs:
        """Cancel the running jobs of these names."""
        return self.jobs.cancel(names)

    def retire(self, names: Collection[str], *, cancel: bool) -> None:
        """End the jobs of these names, and take the names of those not started, which costs
        nothing.
        """
        taking = render("bigquery-taking", table=f"{self.place.prefix}{HISTORY}")
        for name in names:
            self.jobs.patiently(partial(self.jobs.retire, name, taking, cancel=cancel))

    # Reading

    def query(self, sql: str, params: Params | None = None) -> list[Row]:
        return self._rows_of(self._narrowed(sql, params or {}), params or {})

    def _rows_of(self, text: str, params: Params) -> list[Row]:
        config = self.jobs.config(mentioned(text, params))

        def ask() -> list[Row]:
            rows = self.client.query_and_wait(
                text,
                job_config=config,
                retry=self.jobs.api_retry,
                job_retry=None,  # type: ignore[arg-type]
            )
            # Without a job, the answer has no billed bytes.
            self.jobs.work.charge(
                Charge(rows.total_bytes_processed or 0, (rows.slot_millis or 0) / 1000)
            )
            if (rows.total_rows or 0) > MANY_ROWS and not is_emulated():
                return [
                    plain(row) for row in rows.to_arrow(create_bqstorage_client=True).to_pylist()
                ]
            return [plain(dict(row)) for row in rows]

        return self.jobs.patiently(ask)

    def _narrowed(self, sql: str, params: Params) -> str:
        season = None
        if "season_start" in params:
            season = self.looking.season_dates().bounds(opened_season_year(params["season_start"]))  # type: ignore[arg-type]
        return statements.narrowed(
            sql, params, staged=self._staged, prefix=self.place.prefix, season=season
        )

    def stage(self, name: str, sql: str, params: Params) -> None:
        """Run one SELECT and keep its rows in a table of the scratch dataset, with an expiry."""
        work = self.jobs.work
        text = self._narrowed(sql, params)
        bound = mentioned(text, params)
        place = (
            f"{self.scratch}.{name}_{self.jobs.digest(text, bound) if work.key else uuid4().hex}"
        )
        self.jobs.run(statements.staging(place, text), bound)
        self._staged[name] = place

    def stage_file(self, name: str, table: Table, file: Path) -> None:
        place = f"{self.scratch}.{name}_{uuid4().hex}"
        self._upload(table, file, place)
        self._staged[name] = place

    @property
    def scratch(self) -> str:
        return f"{self.place.prefix}{statements.SCRATCH}"

    def accounts(self, name: str, table: Table) -> dict[date, Account]:
        """Return the account of each date of the rows staged as `name`, read without a job."""
        columns = table.partition, table.entity, *accounts.COLUMNS
        return accounts.of_rows(self.jobs.rows_of_table(self._staged[name], columns))

    def bytes_read(self, sql: str, params: Params, writes: int = 0) -> int:
        """Return the bytes charged for one SELECT and this many writes of its rows, from a dry run.

        A write reads the rows and the partitions that it replaces: for a batch, each is below the
        minimum charge.
        """
        text = self._narrowed(sql, params)
        config = self.jobs.config(mentioned(text, params), dry_run=True, use_query_cache=False)
        config.maximum_bytes_billed = (
            None  # a dry run bills nothing; above the limit it is needed too
        )
        job = self.jobs.patiently(
            lambda: self.client.query(text, job_config=config, job_retry=None)
        )
        least = LEAST_BYTES * len(job.referenced_tables or [])
        return max(job.total_bytes_processed or 0, least) + writes * 2 * LEAST_BYTES

    def seasons(self, table: Table) -> set[int]:
        return self.looking.seasons(table)

    def season_version(self, season_year: int) -> str:
        """Return text that changes with every change of an input table, in any season."""
        return " ".join(self.stamp(table, season_year) for table in INPUTS)

    def stamp(self, table: Table, season_year: int) -> str:
        """Return text that changes with every change of the table, in any season."""
        return f"{season_year} {self.looking.stamp(table)}"

    def partitions(
        self, table: Table, processor_name: str = "", among: Collection[date] | None = None
    ) -> set[date]:
        """Return the dates of an output table's partitions, or of a processor's slice of a log."""
        found = self.looking.partitions(table, processor_name)
        return found if among is None else found.intersection(among)

    def partition_stamps(self, table: Table, among: Collection[date]) -> dict[date, str]:
        """Return text for each date that changes with every change of the table, on any date."""
        return dict.fromkeys(among, self.looking.stamp(table) if among else "")

    def damaged(self, table: Table, processor_name: str, among: Collection[date]) -> set[date]:
        """Return none: BigQuery keeps its files whole."""
        return set()

    def set_aside(self, error: CorruptPartition) -> str:
        """Raise the error, which BigQuery never causes."""
        raise error

    def expiring(self) -> dict[str, int]:
        """Return the tables whose partitions expire, each with its days."""
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
        """Replace these partitions in one statement; return the number of rows inserted."""
        text = statements.replacing(table, self._narrowed(sql, params))
        own = {statements.DATES: list(dates), statements.NAME: processor_name}
        job = self._write(table, text, mentioned(text, {**params, **own}))
        return _inserted(job) if sql else 0

    def _write(self, table: Table, text: str, bound: Sequence[Any]) -> QueryJob:
        self.jobs.work.fence()
        try:
            return self.jobs.run(
                statements.narrowed(text, prefix=self.place.prefix) if self.place.prefix else text,
                bound,
            )
        finally:
            self.looking.forget(table)

    def record(self, table: Table, rows: Sequence[Row]) -> None:
        dates, ids = (
            sorted({row[table.partition] for row in rows}),
            sorted({row["run_id"] for row in rows}),
        )
        bound = parameters({statements.DATES: dates, statements.RUN_IDS: ids})
        self._write(
            table, statements.adding(table), [rows_parameter(statements.ROWS, table, rows), *bound]
        )

    def load(
        self,
        season_year: int,
        files: Mapping[Table, Path],
        write: UnfinishedWrite | None = None,
        replaces: str | None = None,
    ) -> None:
        """Load files into scratch tables, then replace the season from them in one transaction."""
        load = uuid4().hex
        places = {t: f"{self.scratch}.{t.name}_{season_year}_{load}" for t in files}
        title = f"load of season {season_year}"
        with self._unfinished.held(f"load_{season_year}", write or UnfinishedWrite(title=title)):
            crash_point("load-begun")
            self._check_version(season_year, replaces)
            try:
                for table, file in files.items():
                    self._upload(table, file, places[table])
                    crash_point("load-file")
                crash_point("load-prepared")
                dates = self.looking.season_dates().replaced(season_year, _scheduled(files))
                self._switch(statements.loading(dates, places), files)
                crash_point("load-switched")
            finally:
                self._drop(places.values())

    def _check_version(self, season_year: int, replaces: str | None) -> None:
        if replaces is None:
            return
        for table in INPUTS:
            self.looking.forget_cached(table)
        if replaces != self.season_version(season_year):
            raise Refused(CHANGED.format(season_year))

    def export_season(self, table: Table, season_year: int, file: Path) -> bool:
        start, _ = self.looking.season_dates().bounds(season_year)
        found = self.query(render("season-rows", table=table), {"season_start": start})
        rows = [[naive(row[name]) for name in table.names] for row in found]
        write_parquet(file, table, rows)
        return bool(rows)

    def _switch(self, script: str, tables: Collection[Table]) -> None:
        try:
            prefix = self.place.prefix
            self.jobs.run(statements.narrowed(script, prefix=prefix) if prefix else script, [])
        finally:
            for table in tables:
                self.looking.forget(table)

    def _drop(self, places: Iterable[str]) -> None:
        def drop(place: str) -> None:
            self.client.delete_table(place, not_found_ok=True, retry=self.jobs.api_retry)

        for place in places:
            self.jobs.patiently(partial(drop, place))

    def unfinished(self) -> list[UnfinishedWrite]:
        return self._unfinished.read()

    def writing(self, write: UnfinishedWrite) -> AbstractContextManager[None]:
        return self._unfinished.held("copy", write)

    @cached_property
    def _unfinished(self) -> UnfinishedTables:
        return UnfinishedTables(self.jobs, f"{self.place.project}.{self.scratch}")

    def _upload(self, table: Table, file: Path, to: str) -> None:
        """Create a table from a Parquet file with the columns of another one."""
        config = load_config(table, file, self.jobs.config([]).labels)

        def upload() -> None:
            with file.open("rb") as content:
                job = self.client.load_table_from_file(
                    content, f"{self.place.project}.{to}", job_config=config
                )
                job.result(retry=self.jobs.api_retry)

        self.jobs.patiently(upload)

    def check_writable(self) -> None:
        """Raise WarehouseUnwritable if the tables are missing or not accessible."""
        self.jobs.patiently(
            lambda: self.client.get_dataset(self.scratch, retry=self.jobs.api_retry)
        )
        for table in (*OUTPUTS, FAILURES, HISTORY):
            self.looking.stamp(table)

    def sweep(self) -> int:
        """Return 0: staged rows expire, and an abandoned job ends without help."""
        return 0


def _scheduled(files: Mapping[Table, Path]) -> list[date]:
    """Return the dates of the loaded schedule; none if it is not among the files."""
    if SCHED not in files:
        return []
    return list(read_table(files[SCHED], columns=["game_date"])["game_date"].to_pylist())


def _inserted(job: QueryJob) -> int | None:
    """Return the rows that a MERGE inserted; None if the response does not separate them from
    deletions.
    """
    return None if job.dml_stats is None else int(job.dml_stats.inserted_row_count)
