"""Copy of one warehouse to another: inputs by season, outputs and logs by date, compared before and
after.

Equal parts are skipped, so that an interrupted copy resumes where it stopped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from pathlib import Path

from backfill.crash_points import crash_point
from backfill.statements import render
from backfill.warehouse.content_hash import EMPTY, Content, WarehousePart, contents, filled, season
from backfill.warehouse.dialect import naive
from backfill.warehouse.duckdb_options import scratch
from backfill.warehouse.parquet.arrow import write_parquet
from backfill.warehouse.port import Row, Warehouse
from backfill.warehouse.schema import Table
from backfill.warehouse.tables import FAILURES, HISTORY, INPUTS, OUTPUTS
from validation.processor_rules import CurrentTuple

# In the order of a run's writes, so that an interrupted copy claims no more than it has; the run
# history is the record of completeness.
ORDER = CurrentTuple(lambda: (*INPUTS, FAILURES, *OUTPUTS, HISTORY))
DATES_AT_ONCE = 40

Tell = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Copying:
    """Plan of a copy: parts that differ, the content of all parts of FROM, and parts that only TO
    has.
    """

    todo: tuple[WarehousePart, ...]
    wanted: Mapping[WarehousePart, Content]
    only_there: tuple[WarehousePart, ...]

    def by_table(self) -> dict[str, dict[str, int]]:
        """Count per table: parts to copy and their rows, equal parts, parts that only TO has."""
        todo, alone = Counter(p.table for p in self.todo), Counter(p.table for p in self.only_there)
        wanted, rows = Counter(p.table for p in self.wanted), Counter[Table]()
        for part in self.todo:
            rows[part.table] += self.wanted[part].rows
        return {
            str(t): {
                "copied": todo[t],
                "rows": rows[t],
                "same": wanted[t] - todo[t],
                "only_in_to": alone[t],
            }
            for t in ORDER
        }


def plan(source: Warehouse, target: Warehouse, start: date, end: date) -> Copying:
    """Compare both, part by part; writes nothing. Raises WarehouseError."""
    wanted: dict[WarehousePart, Content] = {}
    found: dict[WarehousePart, Content] = {}
    for table in ORDER:
        wanted |= contents(source, table, start, end)
        found |= contents(target, table, start, end)
    todo = [part for part in wanted if found.get(part) != wanted[part]]
    return Copying(
        tuple(sorted(todo, key=_order)), wanted, tuple(part for part in found if part not in wanted)
    )


def copy(
    source: Warehouse, target: Warehouse, copying: Copying, tell: Tell = lambda *_: None
) -> list[WarehousePart]:
    """Copy the parts that differ; return those that still differ afterwards. Raises WarehouseError."""
    wrong: list[WarehousePart] = []
    done = 0
    for parts in _together(copying.todo):
        _copy(source, target, parts)
        crash_point("copy-parts")
        wrong += _differing(target, parts, copying.wanted)
        done += len(parts)
        tell(done, len(copying.todo), str(parts[-1]))
    return wrong


def _order(part: WarehousePart) -> tuple[int, date, int, str, date]:
    """Sort a season's inputs together, before the outputs and logs by table and slice."""
    is_written = part.table.kind != "input"
    season = date.min if is_written else part.first
    return is_written, season, ORDER.index(part.table), part.name, part.first


def _together(todo: Sequence[WarehousePart]) -> Iterator[list[WarehousePart]]:
    """Yield the parts of one write: all inputs of a season, or several dates of a table and
    slice.
    """

    def unit(part: WarehousePart) -> tuple[object, ...]:
        return (part.first,) if part.table.kind == "input" else (part.table, part.name)

    for _, found in groupby(todo, key=unit):
        parts = list(found)
        yield from (parts[n : n + DATES_AT_ONCE] for n in range(0, len(parts), DATES_AT_ONCE))


def _copy(source: Warehouse, target: Warehouse, parts: Sequence[WarehousePart]) -> None:
    first = parts[0]
    with scratch().folder() as folder:
        if first.table.kind == "input":
            files = {part.table: _exported(source, [part], folder) for part in parts}
            target.load(first.first.year, files)
        else:
            target.stage_file("copied", first.table, _exported(source, parts, folder))
            dates = [part.first for part in parts]
            target.replace(first.table, dates, "SELECT * FROM copied", {}, first.name)


def _exported(source: Warehouse, parts: Sequence[WarehousePart], folder: Path) -> Path:
    """Write parts of one table to a file in the folder."""
    table, file = parts[0].table, folder / f"{parts[0].table.short}.parquet"
    rows = [[naive(row[name]) for name in table.names] for row in _rows(source, parts)]
    write_parquet(file, table, rows)
    return file


def _rows(source: Warehouse, parts: Sequence[WarehousePart]) -> list[Row]:
    table, name = parts[0].table, parts[0].name
    if table.kind == "input":
        return source.query(render("season-rows", table=table), {"season_start": parts[0].first})
    sql = render("partition-rows", table=table, is_slice=bool(name))
    dates = {"dates": [part.first for part in parts]}
    return source.query(sql, {**dates, "name": name} if name else dates)


def _differing(
    target: Warehouse, parts: Sequence[WarehousePart], wanted: Mapping[WarehousePart, Content]
) -> list[WarehousePart]:
    """Return the parts of the target that differ from the expected content; a part without rows can
    be missing.
    """
    table, first = parts[0].table, parts[0].first
    found = (
        {part: season(target, part.table, part.first) for part in parts}
        if table.kind == "input"
        else filled(target, table, first, parts[-1].first)
    )
    return [part for part in parts if found.get(part, EMPTY) != wanted[part]]
