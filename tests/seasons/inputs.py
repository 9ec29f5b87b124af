"""The input files of an embedded warehouse."""

from __future__ import annotations

from pathlib import Path

from backfill.warehouse.parquet.seasons import Seasons
from backfill.warehouse.parquet.staging import PART
from backfill.warehouse.schema import Table
from backfill.warehouse.tables import INPUTS


def input_file(root: Path, table: Table, year: int = 2021) -> Path:
    """The file of one season of an input."""
    version = Seasons(root).current(year)
    assert version
    return version.path(table)


def as_an_older_release(root: Path, year: int = 2021) -> None:
    """Lay a season out as an older release did: one folder per table, no version."""
    for table in INPUTS:
        old = root / table.dataset / table.name / f"season_year={year}" / PART
        old.parent.mkdir(parents=True)
        input_file(root, table, year).rename(old)
    (root / "phase3" / f"season_year={year}" / "current").unlink()
