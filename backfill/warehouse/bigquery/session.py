"""BigQuery warehouse: a session of the port on the datasets of a project."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import date
from functools import cached_property, partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from google.cloud.bigquery import QueryJob
from pyarrow.parquet import read_table

from backfill.crash_points import crash_point
from backfill.errors import Refused
from backfill.statements import render
from backfill.warehouse.bigquery import kept
from backfill.warehouse.bigquery import sql as statements
from backfill.warehouse.bigquery.parameters import mentioned, parameters, rows_parameter
from backfill.warehouse.bigquery.unfinished import UnfinishedTables
from backfill.warehouse.bigquery.versions import BigQueryVersions
from backfill.warehouse.dialect import naive
from backfill.warehouse.parquet.arrow import write_parquet
from backfill.warehouse.port import CHANGED, Params, Row, StoppedJobs, UnfinishedWrite, Work
from backfill.warehouse.schema import Table
from backfill.warehouse.tables import FAILURES, HISTORY, INPUTS, OUTPUTS, SCHED


class BigQueryWarehouse(BigQueryVersions):
    """Session for one thread."""

    @contextmanager
    def working(self, work: Work) -> Iterator[None]:
        """Name, label and note all jobs inside the block as that work's."""
        before, self.jobs.work = self.jobs.work, work
        try:
            yield
        finally:
            self.jobs.work = before
            self.announce((), ())

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

    # Writing

    def replace(
        self,
        table: Table,
        dates: Sequence[date],
        sql: str,
        params: Params,
        processor_name: str = "",
    ) -> int | None:
        """Replace these partitions in one statement, after they are kept as versions; return the
        number of rows inserted.
        """
        self._keep(table, dates, processor_name)
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
            self.jobs.run(self._prefixed(script), [])
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

    def check_writable(self) -> None:
        """Raise WarehouseUnwritable if the tables are missing or not accessible."""
        self.jobs.patiently(
            lambda: self.client.get_dataset(self.scratch, retry=self.jobs.api_retry)
        )
        for table in (*OUTPUTS, FAILURES, HISTORY):
            self.looking.stamp(table)
        if self.keep_days:
            self.looking.stamp(kept.WRITES)

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
