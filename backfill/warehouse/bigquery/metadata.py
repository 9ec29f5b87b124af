"""Cached table metadata, read without a job, and partition lists, read once per change."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from datetime import date
from typing import Any

from google.cloud.bigquery import Table as Described

from backfill.warehouse.bigquery import sql as statements
from backfill.warehouse.bigquery.connection import Place
from backfill.warehouse.bigquery.jobs import Jobs
from backfill.warehouse.port import Params, Row
from backfill.warehouse.schema import Table
from backfill.warehouse.tables import FAILURES, HISTORY, OUTPUTS, SCHED
from validation.season import SeasonDates

# Lifetime of cached metadata, unless this process writes to the table.
HOLDS_SECONDS = 2.0
MILLISECONDS_PER_DAY = 24 * 3600 * 1000

Slices = dict[tuple[str, str], set[date]]
# Shared by the sessions of a process, by place and table.
_described: dict[tuple[Place, str], tuple[float, Described]] = {}
_found: dict[tuple[Place, str], tuple[str, Any]] = {}
_writes: Counter[tuple[Place, str]] = Counter()


class Looking:
    """Cached tables of a place; `rows_of` runs a statement unchanged."""

    def __init__(
        self, jobs: Jobs, place: Place, rows_of: Callable[[str, Params], list[Row]]
    ) -> None:
        self._jobs, self._place, self._rows_of = jobs, place, rows_of

    def described(self, table: Table) -> Described:
        """Return a table's metadata, at most HOLDS_SECONDS old."""
        key = self._place, str(table)
        at, found = _described.get(key, (0.0, None))
        if found is None or time.monotonic() - at > HOLDS_SECONDS:
            name = f"{self._place.project}.{self._place.prefix}{table}"
            found = self._jobs.patiently(
                lambda: self._jobs.client.get_table(name, retry=self._jobs.api_retry)
            )
            _described[key] = time.monotonic(), found
        return found

    def forget(self, table: Table) -> None:
        """Drop the cached metadata of a table that this process has written, even if its metadata
        did not change.
        """
        self.forget_cached(table)
        _writes[self._place, str(table)] += 1

    def forget_cached(self, table: Table) -> None:
        """Read the metadata of a table again on its next use."""
        _described.pop((self._place, str(table)), None)

    def stamp(self, table: Table) -> str:
        """Return text that changes with every change of a table."""
        found = self.described(table)
        return f"{found.modified} {found.etag} {found.num_rows} {_writes[self._place, str(table)]}"

    def expires_after(self, table: Table) -> int:
        """Return the days after which a table's partitions are deleted; 0 if never."""
        partitioning = self.described(table).time_partitioning
        return int(partitioning.expiration_ms or 0) // MILLISECONDS_PER_DAY if partitioning else 0

    def seasons(self, table: Table) -> set[int]:
        """Return the seasons with rows in an input."""
        days = self._once(
            f"dates {table}",
            (table,),
            statements.input_dates(table),
            lambda rows: {r["d"] for r in rows},
        )
        return set(map(self.season_dates().year_of, days))

    def season_dates(self) -> SeasonDates:
        """Return the scheduled dates of every season."""
        return SeasonDates(
            spans=self._once(
                "seasons",
                (SCHED,),
                statements.season_spans(),
                lambda rows: {r["year"]: (r["first"], r["last"]) for r in rows},
            )
        )

    def partitions(self, table: Table, processor_name: str) -> set[date]:
        """Return the dates of a table, or of a processor's slice."""
        found: Slices = self._once(
            "partitions", (*OUTPUTS, FAILURES, HISTORY), statements.listing(), _slices
        )
        dates = (
            days
            for (name, owner), days in found.items()
            if name == str(table) and processor_name in ("", owner)
        )
        return set().union(*dates)

    def _once(
        self, name: str, tables: tuple[Table, ...], sql: str, make: Callable[[list[Row]], Any]
    ) -> Any:
        """Return the value made of a statement's rows, cached until one of its tables changes."""
        stamps = " ".join(map(self.stamp, tables))
        kept = _found.get((self._place, name))
        if not kept or kept[0] != stamps:
            text = statements.narrowed(sql, prefix=self._place.prefix)
            kept = _found[self._place, name] = stamps, make(self._rows_of(text, {}))
        return kept[1]


def _slices(rows: list[Row]) -> Slices:
    found: Slices = {}
    for row in rows:
        found.setdefault((row["name"], row["slice"] or ""), set()).add(row["d"])
    return found
