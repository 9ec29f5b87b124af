"""Versions on BigQuery: jobs and requests of a write, continued work, expiry and size."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backfill.warehouse.bigquery.connection import Place
from backfill.warehouse.bigquery.kept import DATASET, kept, kept_tables
from backfill.warehouse.bigquery.session import BigQueryWarehouse
from backfill.warehouse.port import Work
from backfill.warehouse.tables import FAILURES, HISTORY, PSZA
from tests.backfill.warehouse.bigquery_server import StandIn, session
from tests.backfill.warehouse.test_versions import (
    BIGQUERY,
    DAY,
    NAME,
    OTHER,
    bigquery,
    failure,
    opened,
    run,
    texts,
    tokens,
    write,
)
from tests.system.emulator import PROJECT
from tests.system.fault_proxy import Fault, Proxy

__all__ = ["bigquery"]
SLICES = ((FAILURES, NAME), (PSZA, ""))
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
COPIES = [(10, 4), (10, 2), (20, 1)]  # rows, days ago; of two tables


class TestEmulated:
    """Jobs that the emulator ran."""

    pytestmark = BIGQUERY.marks

    def test_announced_writes_are_looked_up_and_kept_in_one_job_each(
        self, bigquery: BigQueryWarehouse, emulator: Proxy
    ) -> None:
        for token in (5, 6):
            emulator.next()
            with bigquery.working(Work(fence=lambda token=token: token)):
                bigquery.announce(SLICES, [DAY, OTHER])
                live = [bigquery.live_tokens(t, [OTHER, DAY], name) for t, name in SLICES]
                bigquery.replace(FAILURES, [DAY, OTHER], failure("x"), {}, NAME)
                bigquery.replace(PSZA, [DAY, OTHER], "", {})
            expected = [dict.fromkeys([DAY, OTHER], 5)] * 2 if token == 6 else [{}, {}]
            assert (live, queries(emulator)) == (expected, 1)
            # Without partitions there is nothing to copy, only the writes to note.
            kinds = [sql.count("INSERT INTO") or sql.split()[0] for sql in emulator.begun()]
            assert kinds == [3 if token == 6 else 1, "MERGE", "DELETE"]
        assert tokens(bigquery) == [5]
        assert {
            d: [v.token for v in found]
            for d, found in bigquery.versions(PSZA, [DAY, OTHER]).items()
        } == {DAY: [5], OTHER: [5]}

    def test_without_versions_a_write_sends_what_it_did_before(
        self, bigquery: BigQueryWarehouse, emulator: Proxy
    ) -> None:
        without = opened("bigquery", keeps=False)
        write(without, 5, "first")
        emulator.next()
        with without.working(Work(fence=lambda: 6)):
            without.announce(SLICES, [DAY])
            assert (without.live_tokens(FAILURES, [DAY], NAME), without.versions(PSZA, [DAY])) == (
                {},
                {},
            )
            without.replace(FAILURES, [DAY], failure("x"), {}, NAME)
            assert without.prune_versions(LONG_AGO, dry_run=False) == 0
        assert (len(emulator.begun()), queries(emulator)) == (1, 0)
        assert not [asked.path for asked, _ in emulator.seen if DATASET in asked.text]

    def test_a_job_that_failed_between_copy_and_merge_copies_once(
        self, bigquery: BigQueryWarehouse, emulator: Proxy
    ) -> None:
        write(bigquery, 5, "first")
        emulator.next(Fault("fail", r"/jobs\b.*MERGE", times=2))
        write(bigquery, 6, "second", key="retried")
        kinds = [sql.split()[0] for sql in emulator.begun()]
        assert kinds == ["BEGIN", "MERGE", "MERGE", "MERGE"]
        emulator.next()
        write(bigquery, 6, "second", key="retried")  # its process died before it recorded the run
        assert emulator.begun() == []
        assert (tokens(bigquery), texts(bigquery, 5)) == ([5], ["first"])

    def test_work_that_another_process_continues_is_not_what_it_replaces(
        self, bigquery: BigQueryWarehouse, emulator: Proxy
    ) -> None:
        """The first process died after its MERGE; the second one has a newer token."""
        write(bigquery, 5, "first")
        write(bigquery, 6, "second", key="continued")
        emulator.next()
        write(bigquery, 8, "second", key="continued")
        assert [sql.split()[0] for sql in emulator.begun()] == ["BEGIN"]
        rows = bigquery.query(f"SELECT token, failure_reason FROM {kept(FAILURES)}")
        assert len(rows) == 2
        assert (tokens(bigquery), texts(bigquery, 5)) == ([5], ["first"])
        assert bigquery.live_tokens(FAILURES, [DAY], NAME) == {DAY: 8}
        assert texts(bigquery, 8) == ["second"]

    def test_rows_of_a_release_without_versions_are_kept_without_a_token(
        self, bigquery: BigQueryWarehouse
    ) -> None:
        write(opened("bigquery", keeps=False), 5, "first")
        assert bigquery.live_tokens(FAILURES, [DAY, OTHER], NAME) == {DAY: 0}
        write(bigquery, 6, "second")
        assert (tokens(bigquery), texts(bigquery, 0)) == ([0], ["first"])
        bigquery.stage_versions("picked", PSZA, {DAY: 0})
        assert bigquery.query("SELECT COUNT(*) AS n FROM picked") == [{"n": 0}]

    def test_a_column_that_was_added_later_is_null(self, bigquery: BigQueryWarehouse) -> None:
        write(bigquery, 5, "first")
        write(bigquery, 6, "second")
        run(bigquery, f"UPDATE {kept(FAILURES)} SET can_retry = NULL WHERE TRUE")
        bigquery.stage_versions("picked", FAILURES, {DAY: 5}, NAME)
        [row] = bigquery.query("SELECT failure_reason, can_retry FROM picked")
        assert row == {"failure_reason": "first", "can_retry": None}

    def test_pruning_sets_the_expiry_of_new_days(self, bigquery: BigQueryWarehouse) -> None:
        assert expiries(bigquery) == {15}
        longer = BigQueryWarehouse(Place(PROJECT), keep_days=30)
        longer.prune_versions(LONG_AGO, dry_run=True)
        assert expiries(bigquery) == {15}
        longer.prune_versions(LONG_AGO, dry_run=False)
        assert expiries(bigquery) == {31}
        bigquery.prune_versions(LONG_AGO, dry_run=False)
        assert expiries(bigquery) == {15}


def queries(proxy: Proxy) -> int:
    """Return the number of queries that are no jobs."""
    return sum(asked.verb == "POST" and "/queries" in asked.path for asked, _ in proxy.seen)


def expiries(warehouse: BigQueryWarehouse) -> set[int]:
    """Return the days after which the partitions of the kept tables expire."""
    found = (warehouse.client.get_table(str(kept(table))) for table in kept_tables())
    return {int(t.time_partitioning.expiration_ms) // (24 * 3600 * 1000) for t in found}


# Size, of which the emulator knows nothing


def copies(body: dict[str, Any]) -> tuple[list[dict[str, Any]], list[list[Any]]]:
    """Answer the query for the copies."""
    fields = [
        {"name": "place", "type": "STRING"},
        {"name": "replaced_at", "type": "TIMESTAMP"},
        {"name": "versions", "type": "INTEGER"},
        {"name": "n", "type": "INTEGER"},
    ]
    now = datetime.now(UTC)
    rows = []
    for (n, days), table in zip(COPIES, (FAILURES, PSZA, FAILURES), strict=True):
        at = str(int((now - timedelta(days=days)).timestamp() * 1_000_000))
        rows.append([str(kept(table)), at, "2", str(n)])
    return fields, rows


@pytest.mark.parametrize(
    ("limit", "pruned"),
    [(0, 0), (4_000, 0), (3_999, 2), (2_000, 4), (1, 6)],
)
def test_the_oldest_versions_beyond_a_size_are_deleted(
    server: StandIn, limit: int, pruned: int
) -> None:
    """A row takes 100 bytes, by the metadata of its table."""
    server.rows, server.sizes = copies, {"numRows": "7", "numBytes": "700"}
    warehouse = session()
    warehouse.keep_days = 14
    assert warehouse.prune_versions(LONG_AGO, limit, dry_run=True) == pruned
    assert server.executed == []
    assert warehouse.prune_versions(LONG_AGO, limit, dry_run=False) == pruned
    expected = {0: [], 2: [FAILURES], 4: [PSZA, FAILURES], 6: [PSZA, FAILURES]}[pruned]
    assert {sql.split()[2] for sql in server.executed} == {str(kept(t)) for t in expected}
    assert HISTORY not in kept_tables()
