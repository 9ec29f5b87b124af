from __future__ import annotations

from collections.abc import Callable
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest

from backfill.warehouse.bigquery import metadata as module
from backfill.warehouse.bigquery.connection import Place
from backfill.warehouse.bigquery.metadata import Looking
from backfill.warehouse.tables import FAILURES, PGS, TDZA

DAY, NEXT = date(2021, 11, 2), date(2021, 11, 3)
ROWS = [
    {"name": str(TDZA), "slice": None, "d": DAY},
    {"name": str(FAILURES), "slice": "A", "d": DAY},
    {"name": str(FAILURES), "slice": "B", "d": NEXT},
]


class Asked:
    """Metadata and rows, with a count of requests for each."""

    def __init__(self) -> None:
        self.etag, self.described, self.queries = "1", 0, 0
        self.rows: list[dict[str, Any]] = ROWS
        self.client, self.api_retry = self, None
        self.time_partitioning = SimpleNamespace(expiration_ms=None)

    def patiently(self, call: Callable[[], Any]) -> Any:
        return call()

    def get_table(self, name: str, retry: object) -> Any:
        self.described += 1
        return SimpleNamespace(
            modified="", etag=self.etag, num_rows=0, time_partitioning=self.time_partitioning
        )

    def rows_of(self, sql: str, params: object) -> Any:
        self.queries += 1
        return self.rows


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    for name in ("_described", "_found"):
        monkeypatch.setattr(module, name, {})
    return Asked()


def look(asked: Asked) -> Looking:
    return Looking(asked, Place("some-project", "dev_"), asked.rows_of)  # type: ignore[arg-type]


def test_all_partitions_of_all_tables_are_asked_for_at_once(asked: Asked) -> None:
    tables = look(asked)
    found = (
        tables.partitions(TDZA, ""),
        tables.partitions(FAILURES, ""),
        tables.partitions(FAILURES, "B"),
    )
    assert (found, asked.queries) == (({DAY}, {DAY, NEXT}, {NEXT}), 1)


def test_another_session_of_the_process_knows_it_too(asked: Asked) -> None:
    look(asked).partitions(TDZA, "")
    described = asked.described
    look(asked).partitions(TDZA, "")
    assert (asked.queries, asked.described) == (1, described)


def test_what_this_process_writes_it_sees_at_once(asked: Asked) -> None:
    tables = look(asked)
    tables.partitions(TDZA, "")
    asked.rows = []
    tables.forget(TDZA)
    assert (tables.partitions(TDZA, ""), asked.queries) == (set(), 2)


def test_what_others_write_is_seen_when_the_metadata_are_old(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = look(asked)
    before = tables.stamp(PGS)
    asked.etag = "2"
    assert tables.stamp(PGS) == before
    monkeypatch.setattr(module, "HOLDS_SECONDS", -1.0)
    assert tables.stamp(PGS) != before


def test_partitions_that_expire_are_told_in_days(asked: Asked) -> None:
    assert look(asked).expires_after(TDZA) == 0
    asked.time_partitioning.expiration_ms = 90 * 24 * 3600 * 1000
    assert Looking(asked, Place("other-project"), asked.rows_of).expires_after(TDZA) == 90  # type: ignore[arg-type]
