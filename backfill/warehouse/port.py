"""Port of every warehouse. Statements are GoogleSQL with named parameters, rows are dicts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, Protocol

from backfill.errors import CorruptPartition
from backfill.warehouse.accounts import Account
from backfill.warehouse.schema import Table

Row = dict[str, Any]
Params = Mapping[str, object]
# Refusal of a partial load whose season another load has replaced since its rows were read.
CHANGED = "another load has replaced season {}; run the same command again"
GONE = (
    "the version {} is gone: it is older than KEEP_VERSIONS_DAYS, or was deleted; "
    "choose another one"
)
# Table, and the processor of a log's slice or "".
Slice = tuple[Table, str]


@dataclass(frozen=True)
class Charge:
    """Cost of one warehouse job."""

    billed_bytes: int
    slot_seconds: float


@dataclass(frozen=True, kw_only=True)
class Work:
    """Owner of a session's statements.

    `key` stays the same when work is repeated after its process died: jobs under one of the `known`
    names, finished or running, are reused. `note` receives each name before its job starts, and can
    raise to prevent it. `labels` identify the owner in the warehouse's own records. `fence` returns
    the fencing token of its writes, larger than that of every earlier owner of the same partitions;
    it is called before each publication, and can raise to prevent it. 0 passes unchecked. `charge`
    receives the cost of each job that it started.
    """

    key: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    known: Collection[str] = ()
    note: Callable[[str], object] = lambda name: None
    fence: Callable[[], int] = lambda: 0
    charge: Callable[[Charge], object] = lambda charge: None


@dataclass(frozen=True)
class StoppedJobs:
    """Names of warehouse jobs that a cancellation stopped, and of those still running after it."""

    stopped: tuple[str, ...] = ()
    running: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class UnfinishedWrite:
    """Load of a season, or copy of a warehouse, that has begun and not ended.

    `title` is a noun phrase, `began` a UTC time as text; `command` finishes it. `version` is the
    adapter's.
    """

    title: str
    seasons: Sequence[int] = ()
    began: str = ""
    command: str = "manage.py load_phase3 DIR"
    version: str = ""
    is_running: bool = False

    @property
    def sentence(self) -> str:
        """State of the write, such as `load of season 2021-22 interrupted, began …`."""
        state = "in progress" if self.is_running else "interrupted"
        return f"{self.title} {state}, began {self.began}"

    @property
    def advice(self) -> str:
        """Next step as an imperative."""
        return "wait until it has ended" if self.is_running else f"run `{self.command}` again"


@dataclass(frozen=True, order=True)
class Version:
    """Content of a partition that a write has replaced: the fencing token of the write that made
    it, 0 for one without, and the time at which it was replaced.
    """

    token: int
    replaced_at: datetime


class Warehouse(Protocol):
    """Session on a warehouse; not shared between threads. Every method raises WarehouseError.

    A statement bound to `@dates` sees, of the written tables, only the partitions of these dates;
    bound to `@start` and `@end`, those between; bound to `@season_start` it sees, of the inputs,
    only that season. All read far less that way.
    """

    def query(self, sql: str, params: Params | None = None) -> list[Row]:
        """Run one SELECT and return its rows."""

    def stage(self, name: str, sql: str, params: Params) -> None:
        """Run one SELECT and keep its rows in this session, as table `name` for later statements."""

    def stage_file(self, name: str, table: Table, file: Path) -> None:
        """Keep the rows of a Parquet file with exactly the table's columns in this session, as
        table `name`.
        """

    def versions(
        self, table: Table, among: Collection[date], processor_name: str = ""
    ) -> dict[date, list[Version]]:
        """Return the versions of these partitions, the newest first; of a log, of a processor's
        slice.
        """

    def live_tokens(
        self, table: Table, among: Collection[date], processor_name: str = ""
    ) -> dict[date, int]:
        """Return the fencing token of the newest write of each partition that exists; 0 for one
        without.
        """

    def announce(self, slices: Sequence[Slice], dates: Sequence[date]) -> None:
        """Announce that the next writes replace these slices on these dates, so that an adapter
        can look up and keep all of them at once. A write needs no announcement.
        """

    def stage_versions(
        self, name: str, table: Table, picks: Mapping[date, int | None], processor_name: str = ""
    ) -> None:
        """Keep the rows of these versions in this session, as table `name`; None picks the live
        partition.

        Columns that a version does not have are NULL. Raises VersionGone.
        """

    def prune_versions(self, before: datetime, most_bytes: int = 0, *, dry_run: bool) -> int:
        """Remove the versions replaced before a time, and the oldest beyond a size (0: no limit);
        return how many.
        """

    def accounts(self, name: str, table: Table) -> dict[date, Account]:
        """Return the account of each date of the rows staged as `name`, which are rows of a table
        beside the entities expected of it.
        """

    def replace(
        self,
        table: Table,
        dates: Sequence[date],
        sql: str,
        params: Params,
        processor_name: str = "",
    ) -> int | None:
        """Replace these partitions with the rows of a SELECT over staged tables; with none if `sql`
        is empty.

        A reader sees each partition before or after the write, never in between. In the failures
        table, only the slice of `processor_name` is replaced. Returns the new number of rows; None
        if only a query could count them.
        """

    def record(self, table: Table, rows: Sequence[Row]) -> None:
        """Add rows to the run history; a row replaces an older one with its run_id."""

    def load(
        self,
        season_year: int,
        files: Mapping[Table, Path],
        write: UnfinishedWrite | None = None,
        replaces: str | None = None,
    ) -> None:
        """Replace one season of these input tables with Parquet files of exactly the schema's
        columns.

        Readers see the old rows of all tables or the new ones. A killed process leaves `write` in
        `unfinished`. Raises Refused while another process loads the season, or if its version is
        no longer `replaces`.
        """

    def export_season(self, table: Table, season_year: int, file: Path) -> bool:
        """Write one season of an input table to a Parquet file; return False if it is not loaded."""

    def unfinished(self) -> list[UnfinishedWrite]:
        """Return the loads and copies that have begun and not ended."""

    def writing(self, write: UnfinishedWrite) -> AbstractContextManager[None]:
        """Keep `write` in `unfinished` until the block has ended without an error. Raises Refused
        while another process does the same.
        """

    def seasons(self, table: Table) -> set[int]:
        """Return the loaded seasons of an input table."""

    def season_version(self, season_year: int) -> str:
        """Return text that changes when inputs of a season are loaded; reads no rows."""

    def stamp(self, table: Table, season_year: int) -> str:
        """Return text that changes when a season of an input table is reloaded; reads no rows."""

    def partitions(
        self, table: Table, processor_name: str = "", among: Collection[date] | None = None
    ) -> set[date]:
        """Return the dates of an output table's partitions, or of a processor's slice of a log (any
        processor, if unnamed).

        Restricted to `among` if given; its cost grows with the length of `among`. A partition whose
        file is visibly damaged is left out.
        """

    def partition_stamps(self, table: Table, among: Collection[date]) -> dict[date, str]:
        """Return, for each of these dates, text that changes when its partition of an output table
        or of a log is replaced; reads no rows.
        """

    def damaged(self, table: Table, processor_name: str, among: Collection[date]) -> set[date]:
        """Return the dates whose file is visibly damaged, of an output or a processor's slice."""

    def set_aside(self, error: CorruptPartition) -> str:
        """Rename the file that could not be read, so that its partition is missing; return its new
        name.
        """

    def expiring(self) -> dict[str, int]:
        """Return the tables whose partitions expire, each with its days."""

    def check_writable(self) -> None:
        """Raise WarehouseUnwritable if a write would fail now."""

    def working(self, work: Work) -> AbstractContextManager[None]:
        """Run the block on behalf of `work`."""

    def cancel(self, names: Collection[str]) -> StoppedJobs:
        """Cancel the running warehouse jobs under these names (as passed to `Work.note`)."""

    def retire(self, names: Collection[str], *, cancel: bool) -> None:
        """Return when no warehouse job under these names can write any more: the running ones have
        ended, cancelled first with `cancel`, and those not started cannot start.
        """

    def bytes_read(self, sql: str, params: Params, writes: int = 0) -> int | None:
        """Return the bytes charged for one SELECT and this many writes of its rows; None if reads
        are free.

        Runs nothing.
        """

    def sweep(self) -> int:
        """Remove the leftovers of killed writers; return how many there were."""
