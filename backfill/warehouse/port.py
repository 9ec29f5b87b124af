"""The port: what every warehouse does. Statements are GoogleSQL with named parameters, rows are
dicts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Protocol

from backfill.warehouse.schema import Table

Row = dict[str, Any]
Params = Mapping[str, object]


@dataclass(frozen=True)
class Work:
    """On whose behalf a session works.

    `key` is the same when the same work is done again because its process died: what the warehouse
    has done of it, or
    goes on doing, under one of the `known` names is not begun again. `note` is told each such name
    before it is begun,
    and may raise to stop it. `labels` say in the warehouse's own records whose it is.
    """

    key: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    known: Collection[str] = ()
    note: Callable[[str], object] = lambda name: None


class Warehouse(Protocol):
    """One session on a warehouse; not shared between threads. Every method raises WarehouseError.

    A statement bound to `@dates` sees, of the tables written here, only the partitions of these
    dates; one bound
    to `@start` and `@end` instead, those between; one bound to `@season_start` sees, of the inputs,
    only that season.
    All read far less that way.
    """

    def query(self, sql: str, params: Params | None = None) -> list[Row]:
        """Run one SELECT and return its rows."""

    def stage(self, name: str, sql: str, params: Params) -> None:
        """Run one SELECT and keep its rows in this session, for later statements to read as table
        `name`.
        """

    def stage_file(self, name: str, table: Table, file: Path) -> None:
        """Keep the rows of a Parquet file that has exactly the table's columns in this session, as
        table `name`.
        """

    def staged(self, name: str, columns: Sequence[str]) -> list[tuple[Any, ...]]:
        """These columns of the rows staged as `name`, in any order."""

    def replace(
        self,
        table: Table,
        dates: Sequence[date],
        sql: str,
        params: Params,
        processor_name: str = "",
    ) -> int | None:
        """Replace these partitions by what a SELECT over staged tables yields; by nothing where
        `sql` is empty.

        A reader sees each partition as it was or as it will be. Of the failures table, only the
        slice of
        `processor_name` is replaced. Returns how many rows they hold now; None where only a query
        can tell.
        """

    def record(self, table: Table, rows: Sequence[Row]) -> None:
        """Add rows to the run history; a row with the run_id of an older one replaces it."""

    def load(self, table: Table, season_year: int, file: Path) -> None:
        """Replace one season of an input table by a Parquet file that has exactly the schema's
        columns.
        """

    def seasons(self, table: Table) -> set[int]:
        """The seasons of an input table that are loaded."""

    def stamp(self, table: Table, season_year: int) -> str:
        """Text that changes whenever a season of an input table is loaded again; reads no row."""

    def partitions(
        self, table: Table, processor_name: str = "", among: Collection[date] | None = None
    ) -> set[date]:
        """The dates for which an output table has a partition, or a log table the slice of a
        processor (of any, unnamed).

        Of `among` where that is given, which costs no more than it is long.
        """

    def expiring(self) -> dict[str, int]:
        """The tables whose partitions are deleted by themselves, each with the days after which
        they are.
        """

    def check_writable(self) -> None:
        """Raise WarehouseUnwritable when nothing could be written now."""

    def working(self, work: Work) -> AbstractContextManager[None]:
        """Do what follows on somebody's behalf."""

    def cancel(self, names: Collection[str]) -> int:
        """Stop what goes on in the warehouse under these names, as `Work.note` was told them;
        return how much there was.
        """

    def bytes_read(self, sql: str, params: Params, writes: int = 0) -> int | None:
        """The bytes that one SELECT, and so many writes of what it yields, would be charged for;
        None where nothing is.

        Runs nothing.
        """

    def sweep(self) -> int:
        """Remove what killed writers left behind; return how many leftovers there were."""
