"""The port: what every warehouse does. Statements are GoogleSQL with named parameters, rows are dicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Protocol

from backfill.warehouse.schema import Table

Row = dict[str, Any]
Params = Mapping[str, object]


class Warehouse(Protocol):
    """One session on a warehouse; not shared between threads. Every method raises WarehouseError.

    A statement bound to `@dates` sees, of the tables written here, only the partitions of these dates; one bound
    to `@start` and `@end` instead, those between; one bound to `@season_start` sees, of the inputs, only that season.
    All read far less that way.
    """

    def query(self, sql: str, params: Params | None = None) -> list[Row]:
        """Run one SELECT and return its rows."""

    def stage(self, name: str, sql: str, params: Params) -> None:
        """Run one SELECT and keep its rows in this session, for later statements to read as table `name`."""

    def replace(self, table: Table, dates: Sequence[date], sql: str, params: Params, processor_name: str = "") -> None:
        """Replace these partitions by what a SELECT over staged tables yields; by nothing where `sql` is empty.

        A reader sees each partition as it was or as it will be. Of the failures table, only the slice of
        `processor_name` is replaced.
        """

    def record(self, table: Table, rows: Sequence[Row]) -> None:
        """Add rows to the run history; a row with the run_id of an older one replaces it."""

    def load(self, table: Table, season_year: int, file: Path) -> None:
        """Replace one season of an input table by a Parquet file that has exactly the schema's columns."""

    def seasons(self, table: Table) -> set[int]:
        """The seasons of an input table that are loaded."""

    def stamp(self, table: Table, season_year: int) -> str:
        """Text that changes whenever a season of an input table is loaded again; reads no row."""

    def partitions(self, table: Table, processor_name: str = "") -> set[date]:
        """The dates for which an output table has a partition, or a log table the slice of a processor (of any, unnamed)."""

    def expiring(self) -> dict[str, int]:
        """The tables whose partitions are deleted by themselves, each with the days after which they are."""

    def check_writable(self) -> None:
        """Raise WarehouseUnwritable when nothing could be written now."""

    def sweep(self) -> int:
        """Remove what killed writers left behind; return how many leftovers there were."""
