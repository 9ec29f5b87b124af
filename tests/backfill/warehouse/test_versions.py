"""Versions of the embedded warehouse: every replaced file is kept under the token of its writer."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from backfill.errors import Refused, Superseded
from backfill.warehouse.parquet.session import ParquetWarehouse
from backfill.warehouse.port import Work
from backfill.warehouse.tables import FAILURES, HISTORY, PSZA

DAY, OTHER = date(2021, 11, 2), date(2021, 11, 3)
NAME = "PlayerShotZoneAnalysisProcessor"
SOON = datetime.now(UTC) + timedelta(days=1)
WRITE = """
from datetime import date
from pathlib import Path
from tests.backfill.warehouse.test_versions import opened, write
write(opened(Path({root!r})), {token}, "killed")
"""


def opened(root: Path, *, keeps: bool = True) -> ParquetWarehouse:
    return ParquetWarehouse(root, keeps_versions=keeps)


def failure(text: str, day: date = DAY) -> str:
    return (
        f"SELECT '{NAME}' AS processor_name, 'run' AS run_id, DATE '{day}' AS analysis_date, "
        f"'ann' AS entity_id, 'PROCESSING_ERROR' AS failure_category, '{text}' AS failure_reason, "
        "TRUE AS can_retry, DATETIME '2021-11-02 10:00:00' AS created_at"
    )


def write(warehouse: ParquetWarehouse, token: int, text: str, day: date = DAY) -> None:
    with warehouse.working(Work(fence=lambda: token)):
        warehouse.replace(FAILURES, [day], failure(text, day), {}, NAME)


def texts(warehouse: ParquetWarehouse, token: int | None) -> list[str]:
    warehouse.stage_versions("picked", FAILURES, {DAY: token}, NAME)
    return [row["failure_reason"] for row in warehouse.query("SELECT failure_reason FROM picked")]


def tokens(warehouse: ParquetWarehouse) -> list[int]:
    found = warehouse.versions(FAILURES, [DAY, OTHER], NAME)
    return [version.token for version in found.get(DAY, [])]


@pytest.fixture
def warehouse(tmp_path: Path) -> ParquetWarehouse:
    return opened(tmp_path)


def test_a_replaced_file_is_a_version_of_its_writer(warehouse: ParquetWarehouse) -> None:
    for token, text in ((5, "first"), (7, "second"), (9, "third")):
        write(warehouse, token, text)
    assert tokens(warehouse) == [7, 5]
    assert [texts(warehouse, token) for token in (5, 7, 9, None)] == [
        ["first"],
        ["second"],
        ["third"],
        ["third"],
    ]
    assert warehouse.live_tokens(FAILURES, [DAY, OTHER], NAME) == {DAY: 9}


def test_versions_take_no_space_until_they_are_replaced(warehouse: ParquetWarehouse) -> None:
    write(warehouse, 5, "first")
    assert not (warehouse.root / ".versions").exists()
    [live] = warehouse.root.rglob("part.parquet")
    inode = live.stat().st_ino
    write(warehouse, 6, "second")
    [kept] = (warehouse.root / ".versions").rglob("*.parquet")
    assert kept.stat().st_ino == inode


def test_several_dates_are_read_as_one_table(warehouse: ParquetWarehouse) -> None:
    write(warehouse, 5, "first")
    write(warehouse, 6, "second")
    write(warehouse, 6, "elsewhere", OTHER)
    warehouse.stage_versions("picked", FAILURES, {DAY: 5, OTHER: None}, NAME)
    rows = warehouse.query("SELECT analysis_date, failure_reason FROM picked ORDER BY 1")
    assert [tuple(row.values()) for row in rows] == [(DAY, "first"), (OTHER, "elsewhere")]


@pytest.mark.parametrize("point", ["before-publication", "version-kept", "under-lock"])
def test_a_killed_write_leaves_the_old_file_live_and_one_version_at_most(
    tmp_path: Path, point: str
) -> None:
    warehouse = opened(tmp_path)
    write(warehouse, 5, "first")
    code = WRITE.format(root=str(tmp_path), token=6)
    environment = {**os.environ, "BACKCOURT_CRASH_AT": point}
    root = Path(__file__).resolve().parents[3]
    ended = subprocess.run([sys.executable, "-c", code], env=environment, cwd=root, check=False)
    assert ended.returncode == -9
    assert texts(warehouse, None) == ["first"]
    assert tokens(warehouse) in ([], [5])
    write(warehouse, 7, "third")
    assert tokens(warehouse) == [5]  # not under the token of the killed write
    assert (texts(warehouse, 5), texts(warehouse, None)) == (["first"], ["third"])


def test_a_refused_write_keeps_nothing(warehouse: ParquetWarehouse) -> None:
    write(warehouse, 5, "first")
    with pytest.raises(Superseded):
        write(warehouse, 4, "late")
    assert tokens(warehouse) == []


def test_a_damaged_file_is_not_kept(warehouse: ParquetWarehouse) -> None:
    write(warehouse, 5, "first")
    [live] = warehouse.root.rglob("part.parquet")
    live.write_bytes(b"PAR1 cut")
    write(warehouse, 6, "second")
    assert tokens(warehouse) == []


def test_logs_of_runs_and_a_warehouse_that_keeps_none_have_no_versions(tmp_path: Path) -> None:
    warehouse = opened(tmp_path, keeps=False)
    write(warehouse, 5, "first")
    write(warehouse, 6, "second")
    assert tokens(warehouse) == []
    history = opened(tmp_path)
    for _ in range(2):
        history.replace(HISTORY, [DAY], "", {}, NAME)
    assert history.versions(HISTORY, [DAY], NAME) == {}


def test_versions_are_pruned_by_age_and_by_size(warehouse: ParquetWarehouse) -> None:
    for token in (5, 6, 7):
        write(warehouse, token, f"text {token}")
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    assert warehouse.prune_versions(long_ago, dry_run=False) == 0
    [kept, *_] = (warehouse.root / ".versions").rglob("*.parquet")
    assert warehouse.prune_versions(long_ago, kept.stat().st_size, dry_run=True) == 1
    assert tokens(warehouse) == [6, 5]
    assert warehouse.prune_versions(long_ago, kept.stat().st_size, dry_run=False) == 1
    assert tokens(warehouse) == [6]  # the oldest goes first
    assert warehouse.prune_versions(SOON, dry_run=False) == 1
    assert (tokens(warehouse), texts(warehouse, None)) == ([], ["text 7"])


def test_a_version_that_is_gone_is_named(warehouse: ParquetWarehouse) -> None:
    write(warehouse, 5, "first")
    write(warehouse, 6, "second")
    [kept] = (warehouse.root / ".versions").rglob("*.parquet")
    kept.unlink()
    with pytest.raises(Refused, match=r"version 5 of .* on 2021-11-02 is gone: .* deleted"):
        texts(warehouse, 5)


def test_columns_that_a_version_does_not_have_are_null(warehouse: ParquetWarehouse) -> None:
    write(warehouse, 5, "first")
    write(warehouse, 6, "second")
    [kept] = (warehouse.root / ".versions").rglob("*.parquet")
    warehouse._db.execute(f"CREATE TABLE old AS SELECT * EXCLUDE (can_retry) FROM '{kept}'")
    kept.unlink()
    warehouse._db.execute(f"COPY old TO '{kept}' (FORMAT parquet)")
    warehouse.stage_versions("picked", FAILURES, {DAY: 5}, NAME)
    [row] = warehouse.query("SELECT failure_reason, can_retry FROM picked")
    assert row == {"failure_reason": "first", "can_retry": None}


def test_a_partition_that_never_existed_has_no_version(warehouse: ParquetWarehouse) -> None:
    assert warehouse.versions(PSZA, [DAY]) == {}
    assert warehouse.live_tokens(PSZA, [DAY]) == {}
    warehouse.stage_versions("picked", PSZA, {DAY: None})
    assert warehouse.query("SELECT COUNT(*) AS n FROM picked") == [{"n": 0}]
