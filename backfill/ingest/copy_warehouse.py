"""One warehouse copied to another: inputs by season, outputs and logs by date, each compared before
and after.

What is the same already is left alone, so that a copy that was broken off goes on where it stopped.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from pathlib import Path

from backfill.statements import render
from backfill.warehouse.content_hash import EMPTY, Content, WarehousePart, contents, filled, season
from backfill.warehouse.dialect import naive
from backfill.warehouse.parquet.arrow import write_parquet
from backfill.warehouse.port import Row, Warehouse
from backfill.warehouse.schema import Table
from backfill.warehouse.tables import FAILURES, HISTORY, INPUTS, OUTPUTS

# As runs write them, so that a copy that is broken off says no more than what is there; the history
# tells what is complete.
ORDER = (*INPUTS, FAILURES, *OUTPUTS, HISTORY)
DATES_AT_ONCE = 40

Tell = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Copying:
    """What is to be copied: the parts that differ, what all parts hold that FROM has, and those
    that TO has alone.
    """

    todo: tuple[WarehousePart, ...]
    wanted: Mapping[WarehousePart, Content]
    only_there: tuple[WarehousePart, ...]

    def by_table(self) -> dict[str, dict[str, int]]:
        """Per table: parts to copy and their rows, parts that are the same already, parts that TO
        has alone.
        """
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
    """Copy what is to be copied; return the parts that are not the same afterwards. Raises
    WarehouseError.
    """
    wrong: list[WarehousePart] = []
    done = 0
    for parts in _together(copying.todo):
        _copy(source, target, parts)
        wrong += _differing(target, parts, copying.wanted)
        done += len(parts)
        tell(done, len(copying.todo), str(parts[-1]))
    return wrong


def _order(part: WarehousePart) -> tuple[int, str, date]:
    return ORDER.index(part.table), part.name, part.first


def _together(todo: Sequence[WarehousePart]) -> Iterator[list[WarehousePart]]:
    """A season of an input, or so many dates of a table and slice."""
    for (table, _), found in groupby(todo, key=lambda part: (part.table, part.name)):
        parts, size = list(found), 1 if table.kind == "input" else DATES_AT_ONCE
        yield from (parts[n : n + size] for n in range(0, len(parts), size))


def _copy(source: Warehouse, target: Warehouse, parts: Sequence[WarehousePart]) -> None:
    first = parts[0]
    table, rows = first.table, _rows(source, parts)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "copied.parquet"
        write_parquet(file, table, [[naive(row[name]) for name in table.names] for row in rows])
        if table.kind == "input":
            target.load(table, first.first.year, file)
        else:
            target.stage_file("copied", table, file)
            target.replace(
                table, [part.first for part in parts], "SELECT * FROM copied", {}, first.name
            )


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
    """What does not hold what it must; a part without rows need not be there by itself."""
    table, first = parts[0].table, parts[0].first
    found = (
        {parts[0]: season(target, table, first)}
        if table.kind == "input"
        else filled(target, table, first, parts[-1].first)
    )
    return [part for part in parts if found.get(part, EMPTY) != wanted[part]]
