"""What every tool runs: statements and dates in one file for `bench/peers/work.py`; and whether its
output is that of Backcourt.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import duckdb

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bare import season_dates

from backfill.processors.registry import PROCESSORS, Processor
from backfill.processors.render import render
from backfill.warehouse.dialect import DUCKDB_MACROS, Translated
from backfill.warehouse.parquet.paths import as_source
from backfill.warehouse.parquet.reading import DEFAULT_OPTIONS
from backfill.warehouse.parquet.seasons import Seasons
from backfill.warehouse.parquet.session import ParquetWarehouse
from backfill.warehouse.schema import Table
from backfill.warehouse.tables import BY_REF, FAILURES, OUTPUTS
from backfill.warehouse.translation_cache import to_duckdb
from validation.season import opened_season_year


def write_plan(root: Path, file: Path) -> list[str]:
    """Write the statements of the warehouse's only season; return its dates."""
    [(start, dates)] = season_dates(ParquetWarehouse(root))
    document = {
        "options": dict(DEFAULT_OPTIONS),
        "macros": DUCKDB_MACROS,
        "season_start": str(start),
        "dates": [str(day) for day in dates],
        "failures": _folder(FAILURES),
        "tasks": [_task(p, root, opened_season_year(start)) for p in PROCESSORS.values()],
    }
    file.write_text(json.dumps(document))
    return list(document["dates"])


def _task(processor: Processor, root: Path, year: int) -> dict[str, Any]:
    statement, output = to_duckdb(render(processor.code), for_backfill=True), processor.output
    kept = dict(_parts(statement))
    names = statement.tables.union(*(part.tables for part in kept.values())) & BY_REF.keys()
    columns = (f"CAST({c.name} AS {c.duckdb_type}) AS {c.name}" for c in output.columns)
    return {
        "code": processor.code,
        "name": processor.name,
        "output": _folder(output),
        "day": output.partition,
        "entity": output.entity,
        "columns": ", ".join(columns),
        "sql": statement.sql,
        "kept": [(name, part.sql) for name, part in kept.items()],
        "tables": {name: _table(BY_REF[name], root, year) for name in sorted(names)},
    }


def _parts(statement: Translated) -> Iterator[tuple[str, Translated]]:
    for name, part in statement.kept:
        yield from _parts(part)
        yield name, part


def _table(table: Table, root: Path, year: int) -> dict[str, str]:
    if table.kind == "input":
        return {"file": str(Seasons(root).file(table, year)), "partition": table.partition}
    return {
        "folder": _folder(table),
        "partition": table.partition,
        "empty": as_source(table, []),
    }


def _folder(table: Table) -> str:
    return f"{table.dataset}/{table.name}"


def differences(ours: Path, theirs: Path, dates: Collection[str]) -> list[str]:
    """Return the tables in which another program's rows of these dates differ from Backcourt's: in
    number, `data_hash`, or reason of a failure.
    """
    found = []
    for table in (FAILURES, *OUTPUTS):
        expected, actual = (_rows(table, root, dates) for root in (ours, theirs))
        if expected != actual:
            other = (expected - actual).total() + (actual - expected).total()
            found.append(
                f"{table}: {actual.total()} rows instead of {expected.total()}, {other} different"
            )
    return found


def _rows(table: Table, root: Path, dates: Collection[str]) -> Counter[tuple[Any, ...]]:
    files = [
        str(file)
        for day in dates
        for file in (root / _folder(table) / f"{table.partition}={day}").rglob("*.parquet")
    ]
    columns = [*table.key, *_compared(table)]
    text = f"SELECT {', '.join(columns)} FROM {as_source(table, files)}"
    return Counter(duckdb.execute(text).fetchall())


def _compared(table: Table) -> tuple[str, ...]:
    return ("failure_category", "failure_reason") if table is FAILURES else ("data_hash",)
