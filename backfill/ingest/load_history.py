"""Loads of Phase 3 in the history of events."""

from __future__ import annotations

from collections.abc import Sequence

from backfill.ingest.selection import LoadSelection
from backfill.models import Event, EventKind
from backfill.models.event import loaded_text
from backfill.warehouse.tables import INPUTS


def record_load(years: Sequence[int], actor: str, selection: LoadSelection) -> None:
    """Record a load: its seasons, tables and dates."""
    tables, every = selection.tables, len(selection.tables) == len(INPUTS)
    names = "all tables" if every else ", ".join(table.short for table in tables)
    part = "single rows" if selection.rows else selection.dates_text
    for year in years:
        Event.objects.create(
            kind=EventKind.LOADED,
            actor=actor,
            action=loaded_text(year),
            reason=f"{names} {part}".strip(),
        )
