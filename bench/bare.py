"""Bare limit: the five SELECTs over all dates of a season together, written to the same partitions.
No Django.

python bench/bare.py WAREHOUSE
"""

from __future__ import annotations

import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from backfill.processors.registry import PROCESSORS, Processor
from backfill.processors.render import render
from backfill.warehouse.parquet.session import ParquetWarehouse
from backfill.warehouse.parquet.staging import PART
from backfill.warehouse.tables import FAILURES, SCHED
from validation.season import BOOTSTRAP_DAYS, Calendar, Game

FAILED = """
SELECT '{name}' AS processor_name, '00000000' AS run_id, {day} AS analysis_date, {entity} AS entity_id,
  failure_category, failure_reason, can_retry, created_at
FROM result WHERE failure_category IS NOT NULL ORDER BY analysis_date, entity_id
"""


class Bare(ParquetWarehouse):
    """Adapter with its usual reads, and writes directly into place."""

    def copy(self, sql: str, folder: Path, by: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        options = f"FORMAT parquet, PARTITION_BY ({by}), WRITE_PARTITION_COLUMNS true, OVERWRITE_OR_IGNORE true"
        self._db.execute(f"COPY ({sql}) TO '{folder}' ({options})")
        # DuckDB names its files data_0.parquet and so on; the warehouse reads only this name.
        for file in folder.rglob("data_*.parquet"):
            if (part := file.with_name(PART)).exists():
                raise SystemExit(f"{file.parent} has two files")
            file.rename(part)

    def run(self, processor: Processor, params: dict[str, object]) -> None:
        output, day, entity = processor.output, processor.output.partition, processor.output.entity
        self.stage("result", render(processor.code), params)
        columns = ", ".join(
            f"CAST({c.name} AS {c.duckdb_type}) AS {c.name}" for c in output.columns
        )
        rows = (
            f"SELECT {columns} FROM result WHERE failure_category IS NULL ORDER BY {day}, {entity}"
        )
        failed = FAILED.format(name=processor.name, day=day, entity=entity)
        self.copy(
            failed, self.root / FAILURES.dataset / FAILURES.name, "analysis_date, processor_name"
        )
        self.copy(rows, self.root / output.dataset / output.name, day)


def season_dates(warehouse: ParquetWarehouse) -> list[tuple[date, list[date]]]:
    """Return the start of each season and the dates to process."""
    rows = warehouse.query(f"SELECT game_date, season_year, game_status, season_type FROM {SCHED}")
    calendar = Calendar(
        Game(
            game_date=r["game_date"],
            season_year=r["season_year"],
            status=r["game_status"],
            season_type=r["season_type"],
        )
        for r in rows
    )
    days = [calendar.day(d) for d in sorted({g.game_date for g in calendar.games})]
    dates = [d.day for d in days if d.is_processing and (d.index or 0) >= BOOTSTRAP_DAYS]
    return [(start, dates) for start in calendar.starts.values()]


def main(root: Path) -> None:
    started = time.perf_counter()
    warehouse = Bare(root)
    seasons = season_dates(warehouse)
    if not seasons:
        raise SystemExit(f"{root} has no season; load one with `manage.py load_phase3`")
    for start, dates in seasons:
        params = {
            "dates": dates,
            "season_start": start,
            "backfill_mode": True,
            "started_at": datetime.now(UTC),
        }
        for processor in PROCESSORS.values():
            warehouse.run(processor, params)
    print(f"{time.perf_counter() - started:.2f} s inside")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
