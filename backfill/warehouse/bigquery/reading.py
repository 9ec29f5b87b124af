"""Reading side of the BigQuery warehouse: queries, staged rows, metadata and cost."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from functools import cached_property
from pathlib import Path
from uuid import uuid4

from google.cloud.bigquery import Client

from backfill.errors import CorruptPartition
from backfill.warehouse import accounts
from backfill.warehouse.accounts import Account
from backfill.warehouse.bigquery import sql as statements
from backfill.warehouse.bigquery.connection import Place, connect, is_emulated
from backfill.warehouse.bigquery.jobs import Jobs
from backfill.warehouse.bigquery.load_config import load_config
from backfill.warehouse.bigquery.location import located
from backfill.warehouse.bigquery.metadata import Looking
from backfill.warehouse.bigquery.parameters import mentioned, plain
from backfill.warehouse.port import Charge, Params, Row
from backfill.warehouse.schema import Table
from backfill.warehouse.tables import INPUTS, TABLES
from validation.season import opened_season_year

# From this many rows the Storage API is faster than pages of JSON, which start sooner.
MANY_ROWS = 5_000
# BigQuery charges at least this much per table that a statement reads.
LEAST_BYTES = 10 * 2**20
# Tables that a step reads to keep versions: 3 for tokens, 4 for copies, 3 for changes.
READS_OF_VERSIONS = 10


class BigQueryReader:
    """Session for one thread that reads. Sends nothing to BigQuery before its first use."""

    def __init__(
        self,
        place: Place,
        *,
        labels: Mapping[str, str] | None = None,
        max_bytes: int | None = None,
        keep_days: int = 0,
    ) -> None:
        self.place, self.keep_days = place, keep_days
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
        self._stage(name, self._narrowed(sql, params), params)

    def _stage(self, name: str, text: str, params: Params) -> None:
        """Keep the rows of a statement, sent as it is."""
        bound, has_key = mentioned(text, params), bool(self.jobs.work.key)
        own = self.jobs.digest(text, bound) if has_key else uuid4().hex
        place = f"{self.scratch}.{name}_{own}"
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

        A write reads the rows and the partitions that it replaces, and versions read them again:
        for a batch, each is below the minimum charge.
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
        more = writes * 2 + (READS_OF_VERSIONS if writes and self.keep_days else 0)
        return max(job.total_bytes_processed or 0, least) + more * LEAST_BYTES

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

    def _placed(self, table: Table) -> str:
        """Return a table's name in this place."""
        return f"{self.place.prefix}{table}"

    def _prefixed(self, text: str) -> str:
        """Return a statement with the datasets in full."""
        prefix = self.place.prefix
        return statements.narrowed(text, prefix=prefix) if prefix else text
