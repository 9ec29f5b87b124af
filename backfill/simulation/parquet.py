"""Seasons as Parquet files, exactly typed; the same rows give the same bytes."""

from __future__ import annotations

from pathlib import Path

from backfill.simulation.season import SimulatedSeason
from backfill.warehouse.tables import INPUTS


def write(season: SimulatedSeason, folder: Path) -> None:
    """Write a file for each table that the season holds: `<folder>/<dataset>/<table>.parquet`.
    Raises OSError.
    """
    from backfill.warehouse.parquet.arrow import write_parquet

    for table in INPUTS:
        if table.short in season.tables:
            (folder / table.dataset).mkdir(parents=True, exist_ok=True)
            write_parquet(
                folder / table.dataset / f"{table.name}.parquet", table, season.tables[table.short]
            )
