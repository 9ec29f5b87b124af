"""Versions of both warehouses: every replaced partition is kept under the token of its writer."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from backfill.errors import Superseded, VersionGone
from backfill.warehouse.bigquery.connection import Place
from backfill.warehouse.bigquery.kept import WRITES, kept
from backfill.warehouse.bigquery.session import BigQueryWarehouse
from backfill.warehouse.parquet.session import ParquetWarehouse
from backfill.warehouse.port import Warehouse, Work
from backfill.warehouse.tables import FAILURES, HISTORY, PSZA
from tests.system.emulator import PROJECT
from tests.system.fault_proxy import Proxy

DAY, OTHER = date(2021, 11, 2), date(2021, 11, 3)
NAME = "PlayerShotZoneAnalysisProcessor"
SOON = datetime.now(UTC) + timedelta(days=1)
PARQUET = pytest.param("parquet")
BIGQUERY = pytest.param(
    "bigquery", marks=[pytest.mark.system, pytest.mark.xdist_group("kept versions")]
)
WRITE = """
from pathlib import Path
from tests.backfill.warehouse.test_versions import opened, write
write(opened({place!r}), {token}, "killed")
"""


def opened(place: str, *, keeps: bool = True) -> Warehouse:
    """Open a separate session on a folder, or on the emulator."""
    if place.startswith("/"):
        return ParquetWarehouse(Path(place), keeps_versions=keeps)
    return BigQueryWarehouse(Place(PROJECT), keep_days=14 if keeps else 0)


def failure(text: str, day: date = DAY) -> str:
    return (
        f"SELECT '{NAME}' AS processor_name, 'run' AS run_id, DATE '{day}' AS analysis_date, "
        f"'ann' AS entity_id, 'PROCESSING_ERROR' AS failure_category, '{text}' AS failure_reason, "
        "TRUE AS can_retry, TIMESTAMP '2021-11-02 10:00:00' AS created_at"
    )


def write(warehouse: Warehouse, token: int, text: str, day: date = DAY, key: str = "") -> None:
    with warehouse.working(Work(key=key, fence=lambda: token)):
        warehouse.replace(FAILURES, [day], failure(text, day) if text else "", {}, NAME)


def texts(warehouse: Warehouse, token: int | None) -> list[str]:
    warehouse.stage_versions("picked", FAILURES, {DAY: token}, NAME)
    return [row["failure_reason"] for row in warehouse.query("SELECT failure_reason FROM picked")]


def tokens(warehouse: Warehouse) -> list[int]:
    found = warehouse.versions(FAILURES, [DAY, OTHER], NAME)
    return [version.token for version in found.get(DAY, [])]


def run(warehouse: BigQueryWarehouse, *statements: str) -> None:
    for statement in statements:
        warehouse.jobs.run(statement, [])


@pytest.fixture
def bigquery(emulator: Proxy) -> Iterator[BigQueryWarehouse]:
    """Return a session on the emulator, whose tables are empty."""
    made = BigQueryWarehouse(Place(PROJECT), keep_days=14)
    yield made
    tables = (FAILURES, HISTORY, PSZA, WRITES, kept(FAILURES), kept(PSZA))
    run(made, *(f"DELETE FROM {table} WHERE TRUE" for table in tables))


@pytest.fixture
def parquet(tmp_path: Path) -> ParquetWarehouse:
    return ParquetWarehouse(tmp_path)


@pytest.fixture(params=[PARQUET, BIGQUERY])
def warehouse(request: pytest.FixtureRequest) -> Warehouse:
    made: Warehouse = request.getfixturevalue(request.param)
    return made


def place_of(warehouse: Warehouse) -> str:
    return str(warehouse.root) if isinstance(warehouse, ParquetWarehouse) else "bigquery"


# Both warehouses


def test_a_replaced_partition_is_a_version_of_its_writer(warehouse: Warehouse) -> None:
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
    [newest, oldest] = warehouse.versions(FAILURES, [DAY], NAME)[DAY]
    assert oldest.replaced_at < newest.replaced_at < datetime.now(UTC)


def test_several_dates_are_read_as_one_table(warehouse: Warehouse) -> None:
    write(warehouse, 5, "first")
    write(warehouse, 6, "second")
    write(warehouse, 6, "elsewhere", OTHER)
    warehouse.stage_versions("picked", FAILURES, {DAY: 5, OTHER: None}, NAME)
    rows = warehouse.query("SELECT analysis_date, failure_reason FROM picked ORDER BY 1")
    assert [tuple(row.values()) for row in rows] == [(DAY, "first"), (OTHER, "elsewhere")]


def test_a_partition_without_rows_is_a_version_too(warehouse: Warehouse) -> None:
    write(warehouse, 5, "")
    assert warehouse.live_tokens(FAILURES, [DAY, OTHER], NAME) == {DAY: 5}
    write(warehouse, 6, "first")
    assert (tokens(warehouse), texts(warehouse, 5), texts(warehouse, 6)) == ([5], [], ["first"])


KILLED = [
    pytest.param("parquet", "before-publication"),
    pytest.param("parquet", "version-kept"),
    pytest.param("parquet", "under-lock"),
    pytest.param("bigquery", "version-kept", marks=BIGQUERY.marks),
]


@pytest.mark.parametrize(("warehouse", "point"), KILLED, indirect=["warehouse"])
def test_a_killed_write_leaves_the_old_rows_live_and_kept_once(
    warehouse: Warehouse, point: str
) -> None:
    write(warehouse, 5, "first")
    code = WRITE.format(place=place_of(warehouse), token=6)
    environment = {**os.environ, "BACKCOURT_CRASH_AT": point}
    root = Path(__file__).resolve().parents[3]
    ended = subprocess.run([sys.executable, "-c", code], env=environment, cwd=root, check=False)
    assert ended.returncode == -9
    assert texts(warehouse, None) == ["first"]
    assert tokens(warehouse) in ([], [5])
    write(warehouse, 7, "third")
    assert (texts(warehouse, 5), texts(warehouse, None)) == (["first"], ["third"])
    # BigQuery cannot tell whether the killed write came to its MERGE.
    assert tokens(warehouse) == ([5] if place_of(warehouse).startswith("/") else [6, 5])


def test_a_write_that_lost_its_claim_keeps_nothing(warehouse: Warehouse) -> None:
    def lost() -> int:
        raise Superseded

    write(warehouse, 5, "first")
    with warehouse.working(Work(fence=lost)), pytest.raises(Superseded):
        warehouse.replace(FAILURES, [DAY], failure("late"), {}, NAME)
    assert (tokens(warehouse), texts(warehouse, None)) == ([], ["first"])


def test_a_log_of_runs_has_no_versions(warehouse: Warehouse) -> None:
    for _ in range(2):
        warehouse.replace(HISTORY, [DAY], "", {}, NAME)
    assert (
        (warehouse.root / ".versions").exists() is False
        if isinstance(warehouse, ParquetWarehouse)
        else warehouse.query(f"SELECT * FROM {WRITES}") == []
    )


def test_a_warehouse_that_keeps_none_has_no_versions(warehouse: Warehouse) -> None:
    without = opened(place_of(warehouse), keeps=False)
    write(without, 5, "first")
    write(without, 6, "second")
    assert (tokens(warehouse), texts(warehouse, None)) == ([], ["second"])


def test_versions_are_pruned_by_age(warehouse: Warehouse) -> None:
    for token in (5, 6, 7):
        write(warehouse, token, f"text {token}")
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    assert warehouse.prune_versions(long_ago, dry_run=False) == 0
    second = warehouse.versions(FAILURES, [DAY], NAME)[DAY][0]
    assert warehouse.prune_versions(second.replaced_at, dry_run=True) == 1
    assert tokens(warehouse) == [6, 5]
    assert warehouse.prune_versions(second.replaced_at, dry_run=False) == 1
    assert tokens(warehouse) == [6]
    assert warehouse.prune_versions(SOON, dry_run=False) == 1
    assert (tokens(warehouse), texts(warehouse, None)) == ([], ["text 7"])


def test_a_version_that_is_gone_is_named(warehouse: Warehouse) -> None:
    write(warehouse, 5, "first")
    write(warehouse, 6, "second")
    warehouse.prune_versions(SOON, dry_run=False)
    with pytest.raises(VersionGone, match=r"version 5 of .* on 2021-11-02 is gone: .* deleted"):
        texts(warehouse, 5)


def test_a_partition_that_never_existed_has_no_version(warehouse: Warehouse) -> None:
    assert warehouse.versions(PSZA, [DAY]) == {}
    assert warehouse.live_tokens(PSZA, [DAY]) == {}
    warehouse.stage_versions("picked", PSZA, {DAY: None})
    assert warehouse.query("SELECT COUNT(*) AS n FROM picked") == [{"n": 0}]


# Files


def test_versions_take_no_space_until_they_are_replaced(parquet: ParquetWarehouse) -> None:
    write(parquet, 5, "first")
    assert not (parquet.root / ".versions").exists()
    [live] = parquet.root.rglob("part.parquet")
    inode = live.stat().st_ino
    write(parquet, 6, "second")
    [file] = (parquet.root / ".versions").rglob("*.parquet")
    assert file.stat().st_ino == inode


def test_a_refused_write_keeps_no_file(parquet: ParquetWarehouse) -> None:
    write(parquet, 5, "first")
    with pytest.raises(Superseded):
        write(parquet, 4, "late")
    assert tokens(parquet) == []


def test_a_damaged_file_is_not_kept(parquet: ParquetWarehouse) -> None:
    write(parquet, 5, "first")
    [live] = parquet.root.rglob("part.parquet")
    live.write_bytes(b"PAR1 cut")
    write(parquet, 6, "second")
    assert tokens(parquet) == []


def test_files_are_pruned_by_size(parquet: ParquetWarehouse) -> None:
    for token in (5, 6, 7):
        write(parquet, token, f"text {token}")
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    [file, *_] = (parquet.root / ".versions").rglob("*.parquet")
    assert parquet.prune_versions(long_ago, file.stat().st_size, dry_run=True) == 1
    assert tokens(parquet) == [6, 5]
    assert parquet.prune_versions(long_ago, file.stat().st_size, dry_run=False) == 1
    assert tokens(parquet) == [6]  # the oldest goes first


def test_columns_that_a_file_does_not_have_are_null(parquet: ParquetWarehouse) -> None:
    write(parquet, 5, "first")
    write(parquet, 6, "second")
    [file] = (parquet.root / ".versions").rglob("*.parquet")
    parquet._db.execute(f"CREATE TABLE old AS SELECT * EXCLUDE (can_retry) FROM '{file}'")
    file.unlink()
    parquet._db.execute(f"COPY old TO '{file}' (FORMAT parquet)")
    parquet.stage_versions("picked", FAILURES, {DAY: 5}, NAME)
    [row] = parquet.query("SELECT failure_reason, can_retry FROM picked")
    assert row == {"failure_reason": "first", "can_retry": None}
