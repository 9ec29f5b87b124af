"""Work of one task: one processor's SELECT over some dates, written to partitions. DuckDB only, so
that every tool runs exactly this.

    python work.py PROCESSOR DATE[,DATE...]

PEER_PLAN is the file of statements that `bench/peers.py` writes; PEER_ROOT is the warehouse.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb

PLAN: dict[str, Any] = json.loads(Path(os.environ["PEER_PLAN"]).read_text())
CODES: list[str] = [task["code"] for task in PLAN["tasks"]]
DATES: list[str] = PLAN["dates"]
FAILED = """
SELECT '{name}' AS processor_name, '00000000' AS run_id, {day} AS analysis_date, {entity} AS entity_id,
  failure_category, failure_reason, can_retry, created_at
FROM result WHERE failure_category IS NOT NULL ORDER BY analysis_date, entity_id
"""


def run(code: str, dates: Sequence[str]) -> None:
    """Overwrite the partitions of one processor for these dates."""
    task = next(task for task in PLAN["tasks"] if task["code"] == code)
    root, db = Path(os.environ["PEER_ROOT"]), duckdb.connect(config=PLAN["options"])
    db.execute(PLAN["macros"])
    variables = {
        "dates": [date.fromisoformat(day) for day in dates],
        "season_start": date.fromisoformat(PLAN["season_start"]),
        "backfill_mode": True,
        "started_at": datetime.now(UTC).replace(tzinfo=None),
    }
    for name, value in variables.items():
        db.execute(f'SET VARIABLE "{name}" = $1', [value])
    for dataset in sorted({name.partition(".")[0] for name in task["tables"]}):
        db.execute(f"CREATE SCHEMA {dataset}")
    for name, table in task["tables"].items():
        attach(db, name, table, [f"{table['partition']}={day}" for day in dates])
    for name, sql in task["kept"]:
        db.execute(f"CREATE TEMP TABLE {name} AS {sql}")
    db.execute(f"CREATE TEMP TABLE result AS {task['sql']}")
    day, entity = task["day"], task["entity"]
    failed = FAILED.format(name=task["name"], day=day, entity=entity)
    rows = f"SELECT {task['columns']} FROM result WHERE failure_category IS NULL"
    write(db, failed, root / PLAN["failures"], "analysis_date, processor_name")
    write(db, f"{rows} ORDER BY {day}, {entity}", root / task["output"], day)


def attach(db: Any, name: str, table: dict[str, str], partitions: Sequence[str]) -> None:
    """Load a season's input into memory; show the partitions of an output of earlier tasks."""
    if file := table.get("file"):
        db.execute(f"CREATE TABLE {name} AS FROM read_parquet('{file}', hive_partitioning = false)")
        return
    folder = Path(os.environ["PEER_ROOT"]) / table["folder"]
    files = [str(f) for part in partitions for f in sorted((folder / part).rglob("*.parquet"))]
    types = f"hive_partitioning = true, hive_types = {{'{table['partition']}': DATE}}"
    source = f"read_parquet({files}, {types})" if files else table["empty"]
    db.execute(f"CREATE VIEW {name} AS SELECT * FROM {source}")


def write(db: Any, sql: str, folder: Path, by: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    options = f"FORMAT parquet, PARTITION_BY ({by}), WRITE_PARTITION_COLUMNS true, OVERWRITE_OR_IGNORE true"
    db.execute(f"COPY ({sql}) TO '{folder}' ({options})")


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2].split(","))
