"""The bare limit computes what the product computes: a ratio to less work would be worth nothing."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from backfill.warehouse.parquet.session import ParquetWarehouse
from backfill.warehouse.tables import BY_SHORT, FAILURES, OUTPUTS
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


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("('BOS', 'a'), ('NYK', 'b')", []),
        ("('BOS', 'a'), ('NYK', 'c')", ["2 rows instead of 2, 2 different"]),
        ("('BOS', 'a')", ["1 rows instead of 2, 1 different"]),
    ],
)
def test_another_program_has_a_time_only_with_the_rows_of_the_product(
    rows: str, message: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(BARE.parent)
    differences = importlib.import_module("peers_plan").differences
    table = BY_SHORT["TDZA"]
    for root, values in (("ours", "('BOS', 'a'), ('NYK', 'b')"), ("theirs", rows)):
        folder = tmp_path / root / table.dataset / table.name / f"{table.partition}=2023-11-08"
        folder.mkdir(parents=True)
        names = f"{table.entity}, data_hash"
        made = f"COPY (FROM (VALUES {values}) made({names})) TO '{folder}/part.parquet'"
        duckdb.execute(made)
    found = differences(tmp_path / "ours", tmp_path / "theirs", ["2023-11-08"])
    assert found == [f"{table}: {text}" for text in message]
