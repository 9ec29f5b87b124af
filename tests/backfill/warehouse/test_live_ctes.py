"""Parts for normal mode, left out in backfill mode: same rows, and nothing else left out."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from backfill.execution.execute import Step
from backfill.processors.registry import CHAIN, PROCESSORS
from backfill.processors.render import accounted, render
from backfill.warehouse.live_ctes import replace_live_parts
from backfill.warehouse.parquet.session import ParquetWarehouse
from backfill.warehouse.translation_cache import to_duckdb
from tests.seasons.tiny import FIRST, NIGHTS

LIVE = "live AS (SELECT 1 AS n FROM UNNEST([1]) WHERE NOT @backfill_mode AND TRUE)"


def left(query: str) -> tuple[list[str], list[str]]:
    """Return the empty CTEs that are read, and the CTEs that are left."""
    tree = sqlglot.parse_one(query, read="bigquery")
    assert isinstance(tree, exp.Query)
    before = {cte.alias: cte.this.sql() for cte in tree.args["with_"].expressions}
    replace_live_parts(tree)
    after = {cte.alias: cte.this.sql() for cte in tree.args["with_"].expressions}
    return [name for name in after if after[name] != before[name]], list(after)


@pytest.mark.parametrize("code", CHAIN)
def test_a_processor_has_the_same_rows(code: str, season: Path) -> None:
    warehouse = ParquetWarehouse(season)
    dates = tuple(d for d in NIGHTS if d >= FIRST)
    params = Step(
        processor=PROCESSORS[code],
        dates=dates,
        season_start=NIGHTS[0],
        started_at=datetime(2022, 1, 1, tzinfo=UTC),
        run_ids=dict.fromkeys(dates, "run"),
    ).params
    sql = accounted(code, render(code), render(code, "population"))
    rows = []
    for statement in (to_duckdb(sql), to_duckdb(sql, for_backfill=True)):
        warehouse._fill("staged", statement, params)
        rows.append(sorted(map(str, warehouse.query("SELECT * FROM staged"))))
    assert rows[0] == rows[1] != []
    has_live_parts = "NOT @backfill_mode" in sql
    assert (to_duckdb(sql) != to_duckdb(sql, for_backfill=True)) == has_live_parts


@pytest.mark.parametrize(
    ("middle", "read", "rest"),
    [
        ("SELECT n FROM live", ["middle"], ["middle"]),
        ("SELECT a.n FROM a JOIN live ON TRUE", ["middle"], ["a", "middle"]),
        ("SELECT n, COUNT(*) AS c FROM live GROUP BY n", ["middle"], ["middle"]),
        ("SELECT n FROM (SELECT n FROM live)", ["middle"], ["middle"]),
        ("SELECT COUNT(*) AS n FROM live", ["live"], ["live", "middle"]),
        ("SELECT a.n FROM a LEFT JOIN live ON TRUE", ["live"], ["live", "a", "middle"]),
        ("SELECT n FROM live UNION ALL SELECT n FROM a", ["live"], ["live", "a", "middle"]),
        ("SELECT n FROM a WHERE n IN (SELECT n FROM live)", ["live"], ["live", "a", "middle"]),
        ("SELECT n FROM a WHERE NOT @backfill_mode OR n = 1", [], ["a", "middle"]),
        ("SELECT n FROM a WHERE @backfill_mode", [], ["a", "middle"]),
    ],
)
def test_only_parts_without_rows_are_left_out(
    middle: str, read: list[str], rest: list[str]
) -> None:
    other = "a AS (SELECT 1 AS n)"
    ctes = ", ".join([LIVE, *([other] if "a" in rest else []), f"middle AS ({middle})"])
    assert left(f"WITH {ctes} SELECT x.n FROM (SELECT 1 AS n) AS x LEFT JOIN middle ON TRUE") == (
        read,
        rest,
    )
