"""A partition is published by the newest fencing token only."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from backfill.errors import Superseded, WarehouseBusy
from backfill.processors.registry import PROCESSORS
from backfill.warehouse.parquet import fences
from backfill.warehouse.parquet.session import ParquetWarehouse
from backfill.warehouse.port import Work
from backfill.warehouse.tables import FAILURES

DAY, NEXT, NAME = date(2030, 1, 1), date(2030, 1, 2), PROCESSORS["TDZA"].name


@pytest.fixture
def session(tmp_path: Path) -> ParquetWarehouse:
    return ParquetWarehouse(tmp_path / "warehouse")


def write(session: ParquetWarehouse, text: str, token: int, *days: date) -> None:
    """Write one failure per date, with this text, as the owner of a token."""
    rows = " UNION ALL ".join(
        f"SELECT '{NAME}' AS processor_name, 'r' AS run_id, DATE '{day}' AS analysis_date,"
        f" 'e' AS entity_id, 'INSUFFICIENT_DATA' AS failure_category, '{text}' AS failure_reason,"
        " FALSE AS can_retry, TIMESTAMP '2030-01-01 00:00:00' AS created_at"
        for day in days or (DAY,)
    )
    session.stage("made", rows, {})
    with session.working(Work(fence=lambda: token)):
        session.replace(FAILURES, days or (DAY,), "SELECT * FROM made", {}, NAME)


def texts(session: ParquetWarehouse) -> list[str]:
    found = session.query(f"SELECT failure_reason FROM {FAILURES} ORDER BY analysis_date")
    return [row["failure_reason"] for row in found]


def test_an_older_token_is_refused_and_leaves_nothing_behind(session: ParquetWarehouse) -> None:
    write(session, "new", 2)
    with pytest.raises(Superseded) as refused:
        write(session, "old", 1)
    assert (refused.value.fence, texts(session)) == (2, ["new"])
    assert list((session.root / ".staging").iterdir()) == []


@pytest.mark.parametrize("token", [2, 3])
def test_the_same_token_and_a_newer_one_pass(session: ParquetWarehouse, token: int) -> None:
    write(session, "first", 2)
    write(session, "second", token)
    assert texts(session) == ["second"]


def test_an_older_token_passes_on_dates_that_no_newer_one_has_written(
    session: ParquetWarehouse,
) -> None:
    write(session, "old", 1, DAY, NEXT)
    write(session, "new", 2, NEXT)
    with pytest.raises(Superseded):
        write(session, "late", 1, DAY, NEXT)
    assert texts(session) == ["late", "new"]


def test_every_processor_has_fences_of_its_own(session: ParquetWarehouse) -> None:
    write(session, "new", 2)
    with session.working(Work(fence=lambda: 1)):
        session.replace(FAILURES, [DAY], "", {}, PROCESSORS["ML"].name)
    assert texts(session) == ["new"]


def test_a_token_that_is_not_issued_prevents_the_write(session: ParquetWarehouse) -> None:
    write(session, "first", 1)

    def lost() -> int:
        raise Superseded

    with pytest.raises(Superseded), session.working(Work(fence=lost)):
        session.replace(FAILURES, [DAY], "", {}, NAME)
    assert texts(session) == ["first"]


@pytest.fixture
def locked(session: ParquetWarehouse, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The lock of the partition, held by another descriptor."""
    write(session, "first", 1)
    monkeypatch.setattr(fences, "LOCK_SECONDS", 0.05)
    [file] = (session.root / ".fences" / str(FAILURES)).iterdir()
    with file.open() as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        yield


@pytest.mark.usefixtures("locked")
def test_a_locked_partition_is_busy(session: ParquetWarehouse) -> None:
    with pytest.raises(WarehouseBusy, match="holds the lock"):
        write(session, "second", 2)
    assert texts(session) == ["first"]


@pytest.mark.parametrize("content", [b"", b"\0" * fences.DIGITS, b"123"])
def test_a_fence_that_a_power_cut_left_unreadable_passes(
    session: ParquetWarehouse, content: bytes
) -> None:
    write(session, "first", 9)
    [file] = (session.root / ".fences" / str(FAILURES)).iterdir()
    file.write_bytes(content)
    write(session, "second", 1)
    assert texts(session) == ["second"]
