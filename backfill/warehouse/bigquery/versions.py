"""Versions on BigQuery: copies of the partitions that a write replaces, and a log of the writes.

Before its MERGE, a write appends a copy and a note in one transaction, which conflicts with no other
writer because it changes no row. A process killed before the MERGE leaves a copy that its successor
makes again; the first one counts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import partial
from itertools import groupby
from typing import NamedTuple, cast
from uuid import uuid4

from google.cloud.bigquery import Table as Described

from backfill.crash_points import crash_point
from backfill.errors import VersionGone
from backfill.warehouse.bigquery import kept, sql
from backfill.warehouse.bigquery.metadata import MILLISECONDS_PER_DAY
from backfill.warehouse.bigquery.parameters import mentioned
from backfill.warehouse.bigquery.reading import BigQueryReader
from backfill.warehouse.port import GONE, Row, Slice, Version
from backfill.warehouse.schema import Table
from backfill.warehouse.tables import HISTORY


class _Announced(NamedTuple):
    """Next writes of a session; `kept` are the slices whose partitions have been kept for them,
    `tokens` the live tokens by slice, once read.
    """

    slices: tuple[Slice, ...]
    dates: tuple[date, ...]
    kept: set[Slice]
    tokens: dict[Slice, dict[date, int]]


class BigQueryVersions(BigQueryReader):
    """Session that keeps replaced partitions for `keep_days`; with 0, it sends nothing for them."""

    _announced = _Announced((), (), set(), {})

    def announce(self, slices: Sequence[Slice], dates: Sequence[date]) -> None:
        """Read the tokens of these slices, and keep their partitions, in one job each."""
        self._announced = _Announced(tuple(slices), tuple(sorted(dates)), set(), {})

    def _together(self, one: Slice, dates: Collection[date]) -> _Announced:
        """Return the announced writes if they include this one, else this one alone."""
        days = tuple(sorted(dates))
        if one in self._announced.slices and days == self._announced.dates:
            return self._announced
        return _Announced((one,), days, set(), {})

    def live_tokens(
        self, table: Table, among: Collection[date], processor_name: str = ""
    ) -> dict[date, int]:
        """Return the newest noted token of each partition; 0 for rows without a note."""
        if not self.keep_days or not among:
            return {}
        asked = self._together((table, processor_name), among)
        if not asked.tokens:
            asked.tokens.update(self._read_tokens(asked))
        return dict(asked.tokens[table, processor_name])

    def _read_tokens(self, asked: _Announced) -> dict[Slice, dict[date, int]]:
        text = sql.live_tokens(self._placed(kept.WRITES), asked.slices)
        rows = self._rows_of(self._prefixed(text), {"dates": list(asked.dates)})
        found: dict[Slice, dict[date, int]] = {one: {} for one in asked.slices}
        by_name = {(str(table), name): (table, name) for table, name in asked.slices}
        for row in rows:
            found[by_name[row["name"], row["slice"]]][row["day"]] = row["token"]
        return found

    def _keep(self, table: Table, dates: Sequence[date], processor_name: str) -> None:
        """Keep what a write replaces, unless it was kept with the write announced before it."""
        if not self.keep_days or table is HISTORY or not dates:
            return
        one = table, processor_name
        asked = self._together(one, dates)
        if one in asked.kept:
            asked.kept.discard(one)
            return
        writes, work = self._placed(kept.WRITES), self.jobs.work
        note = sql.Note(
            slices=asked.slices,
            dates=asked.dates,
            token=work.fence(),
            work=hashlib.sha256((work.key or uuid4().hex).encode()).hexdigest()[:16],
        )
        copies = (
            sql.version_copy(note, slice_, self._placed(kept.kept(slice_[0])), writes)
            for slice_ in asked.slices
            if not asked.tokens or asked.tokens[slice_]
        )
        self.jobs.run(self._prefixed(sql.together(*copies, sql.version_note(note, writes))), [])
        asked.kept.update(set(asked.slices) - {one})
        asked.tokens.clear()
        crash_point("version-kept")

    def versions(
        self, table: Table, among: Collection[date], processor_name: str = ""
    ) -> dict[date, list[Version]]:
        """Return the versions of these partitions, the newest first."""
        if not self.keep_days or not among:
            return {}
        text = sql.versions(table, processor_name, self._placed(kept.kept(table)))
        found: dict[date, list[Version]] = {}
        for row in self._rows_of(text, {"dates": sorted(among)}):
            found.setdefault(row["day"], []).append(Version(row["token"], _at(row)))
        return {day: sorted(versions, key=_age, reverse=True) for day, versions in found.items()}

    def stage_versions(
        self, name: str, table: Table, picks: Mapping[date, int | None], processor_name: str = ""
    ) -> None:
        """Keep the rows of these versions as table `name`; None picks the live partition."""
        chosen = {day: token for day, token in picks.items() if token is not None}
        found = self.versions(table, chosen, processor_name) if chosen else {}
        versions = {
            day: version
            for day, token in chosen.items()
            for version in found.get(day, ())
            if version.token == token
        }
        # A slice without rows and without a note is not kept.
        gone = {day: token for day, token in chosen.items() if token and day not in versions}
        live = self.live_tokens(table, gone, processor_name) if gone else {}
        for day, token in gone.items():
            if live.get(day) != token:
                raise VersionGone(GONE.format(f"{token} of {table} on {day}"))
        text = sql.version_rows(
            table, processor_name, self._placed(kept.kept(table)), tuple(sorted(versions.items()))
        )
        days = sorted(day for day, token in picks.items() if token is None or day in gone)
        self._stage(name, self._prefixed(text), {"live_dates": days})

    def prune_versions(self, before: datetime, most_bytes: int = 0, *, dry_run: bool) -> int:
        """Delete the versions replaced before a time, and the oldest beyond a size; set the expiry
        of the others.
        """
        if not self.keep_days:
            return 0
        tables = {self._placed(t): t for t in map(kept.kept, kept.kept_tables())}
        sources = tuple(zip(kept.kept_tables(), tables, strict=True))
        copies = sorted(self._rows_of(sql.version_copies(sources), {}), key=_at, reverse=True)
        size, until, count, places = 0.0, None, 0, set[str]()
        for at, group in groupby(copies, key=_at):
            rows = list(group)
            size += sum(row["n"] * self._row_bytes(tables[row["place"]]) for row in rows)
            if at < before or 0 < most_bytes < size:
                until, count = until or at, count + sum(row["versions"] for row in rows)
                places |= {row["place"] for row in rows}
        for place in [] if dry_run else sorted(places):
            text = sql.version_prune(place)
            self.jobs.run(text, mentioned(text, {"until": until}))
        for table in [] if dry_run else tables.values():
            self._set_expiry(self.looking.described(table))
        return count

    def _row_bytes(self, table: Table) -> float:
        described = self.looking.described(table)
        return (described.num_bytes or 0) / max(described.num_rows or 0, 1)

    def _set_expiry(self, table: Described) -> None:
        """Set the expiry of a table's partitions, which KEEP_VERSIONS_DAYS has changed."""
        partitioning = table.time_partitioning
        expected = (self.keep_days + kept.MORE_DAYS) * MILLISECONDS_PER_DAY
        if partitioning and partitioning.expiration_ms != expected:
            partitioning.expiration_ms = expected
            table.time_partitioning = partitioning
            self.jobs.patiently(
                partial(
                    self.client.update_table,
                    table,
                    ["time_partitioning"],
                    retry=self.jobs.api_retry,
                )
            )


def _at(row: Row) -> datetime:
    """Return the time of a copy."""
    return cast("datetime", row["replaced_at"]).replace(tzinfo=UTC)


def _age(version: Version) -> tuple[datetime, int]:
    return version.replaced_at, version.token
