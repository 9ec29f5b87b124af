"""The bare limit computes what the product computes: a ratio to less work would be worth nothing."""

from __future__ import annotations

import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from backfill.warehouse.parquet.session import ParquetWarehouse
from backfill.warehouse.tables import FAILURES, OUTPUTS
from tests.backfill.conftest import loaded_season, season
from tests.backfill.working import make_job, run_all

__all__ = ["loaded_season", "season"]  # fixtures
BARE = Path(__file__).resolve().parents[1] / "bench" / "bare.py"


def stored(root: Path) -> dict[str, list[str]]:
    """Return the rows of every output and of the failures, without run IDs and times."""
    warehouse = ParquetWarehouse(root)
    return {
        str(table): sorted(
            str({k: v for k, v in row.items() if k != "run_id" and not isinstance(v, datetime)})
            for row in warehouse.query(f"SELECT * FROM {table}")
        )
        for table in (FAILURES, *OUTPUTS)
    }


@pytest.mark.django_db
def test_the_bare_limit_writes_every_row_of_the_product(season: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(season, bare)
    run_all(make_job(batch_size=9))
    subprocess.run([sys.executable, str(BARE), str(bare)], check=True, capture_output=True)
    ours, theirs = stored(season), stored(bare)
    assert ours == theirs
    assert all(ours.values()), "a table without a row proves nothing"
