"""Tiny season with five players a side, the minimum of a game, and a job that ran it cleanly."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import override_settings

from backfill.ingest.load import load
from backfill.warehouse.port import Row
from backfill.warehouse.schema import Table
from backfill.warehouse.tables import INPUTS, PGS, UPGC
from tests.backfill.broken import Broken
from tests.factories import PLAYERS, phase3_folder
from tests.seasons.tiny import season_rows

A_SIDE = 5
EVERYBODY = sorted(f"{player}{n}" for player in PLAYERS.values() for n in range(A_SIDE))


class Whole(Broken):
    """Jobs of the whole season; no statement breaks."""

    def __init__(self, folder: Path) -> None:
        warehouse = folder / "loaded"
        with override_settings(WAREHOUSE_URL=f"parquet:{warehouse}"):
            load(
                phase3_folder(
                    folder / "phase3",
                    **{table.short.lower(): whole_rows(table) for table in INPUTS},
                )
            )
        super().__init__(warehouse, folder)

    def spoil(self, patch: pytest.MonkeyPatch) -> None:
        """Break nothing."""


def whole_rows(table: Table) -> list[Row]:
    """Return the rows of the tiny season, each player's repeated for five players."""
    rows = season_rows(table)
    if table not in (PGS, UPGC):
        return rows
    return [
        row | {"player_lookup": f"{row['player_lookup']}{n}"} for row in rows for n in range(A_SIDE)
    ]
