"""Versions on BigQuery."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime

from backfill.errors import Refused
from backfill.warehouse.port import Version
from backfill.warehouse.schema import Table


class BigQueryVersions:
    """Session that keeps no versions."""

    def versions(
        self, table: Table, among: Collection[date], processor_name: str = ""
    ) -> dict[date, list[Version]]:
        """Return none: BigQuery keeps no versions yet."""
        return {}

    def live_tokens(
        self, table: Table, among: Collection[date], processor_name: str = ""
    ) -> dict[date, int]:
        """Return none, so that writes are compared with nothing."""
        return {}

    def stage_versions(
        self, name: str, table: Table, picks: Mapping[date, int | None], processor_name: str = ""
    ) -> None:
        raise Refused("BigQuery keeps no versions")

    def prune_versions(self, before: datetime, most_bytes: int = 0, *, dry_run: bool) -> int:
        return 0
