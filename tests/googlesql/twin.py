"""Warehouse that runs statements on the embedded and the reference engine and compares cells."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from backfill.execution.execute import DateResult, Step, execute
from backfill.processors.registry import CHAIN, PROCESSORS
from backfill.warehouse.port import Params, Row
from backfill.warehouse.schema import Table
from backfill.warehouse.tables import TABLES
from tests.backfill.statements import RowsWarehouse
from tests.googlesql.engine import Content, Database
from tests.oracle import STARTED_AT, Tables

SHOWN = 10


class Twin(RowsWarehouse):
    """Rows by a table's short name; writes store the rows of the reference engine."""

    def __init__(self, tables: Tables) -> None:
        super().__init__()
        self.executed = self.compared = 0
        self.differences: list[str] = []
        self._kept: dict[str, Content] = {}
        self._contents: dict[Table, tuple[int, Content]] = {}
        self.give(tables)

    def query(self, sql: str, params: Params | None = None) -> list[Row]:
        rows = super().query(sql, params)
        self._compare(sql, params or {}, rows)
        return rows

    def stage(self, name: str, sql: str, params: Params) -> None:
        super().stage(name, sql, params)
        self._kept[name] = self._compare(sql, params, super().query(f"SELECT * FROM {name}"))

    def replace(
        self,
        table: Table,
        dates: Sequence[date],
        sql: str,
        params: Params,
        processor_name: str = "",
    ) -> None:
        """Leave the row count to a query, so that the counting statement is compared too."""
        found = self._compare(sql, params, super().query(sql, params))
        self.give(
            {
                **self._given,
                table.short: [
                    *self._given.get(table.short, []),
                    *(stored(table, row) for row in found.rows),
                ],
            }
        )

    def _compare(self, sql: str, params: Params, expected: Sequence[Row]) -> Content:
        """Run a statement on the engine and note every cell that differs from the other engine."""
        tables = {str(table): self._content(table) for table in TABLES}
        found = Database({**tables, **self._kept}).run(sql, params)
        self.executed, self.compared = self.executed + 1, self.compared + len(found.rows)
        self.differences += differences(found.rows, expected)
        return found

    def _content(self, table: Table) -> Content:
        version = self._versions[table.short]
        if table not in self._contents or self._contents[table][0] != version:
            columns = [(c.name, c.type) for c in table.columns]
            self._contents[table] = version, Content(columns, self._rows(table))
        return self._contents[table][1]


def run_chain(
    tables: Tables, dates: Sequence[date], season_start: date, *, backfill_mode: bool = True
) -> Twin:
    """Run the processors in order as the product does, each on the output of the previous ones."""
    twin = Twin(tables)
    for code in CHAIN:
        run(twin, code, dates, season_start, backfill_mode=backfill_mode)
    return twin


def run(
    twin: Twin, code: str, dates: Sequence[date], season_start: date, *, backfill_mode: bool = True
) -> list[DateResult]:
    """Run one processor. Raises if a cell differs."""
    ids = {day: f"run{n}" for n, day in enumerate(dates)}
    found = execute(
        twin,
        Step(
            processor=PROCESSORS[code],
            dates=tuple(dates),
            season_start=season_start,
            started_at=STARTED_AT,
            run_ids=ids,
            backfill_mode=backfill_mode,
        ),
    )
    broken = [f"{code} {outcome.date}: {outcome.error}" for outcome in found if outcome.error_class]
    wrong = [*broken, *(f"{code}: {line}" for line in twin.differences)]
    assert not wrong, "\n".join([f"{len(wrong)} differences", *wrong[:SHOWN]])
    return found


def stored(table: Table, row: Row) -> Row:
    """Return a row as stored: NUMERIC at its scale, to which the statement must round."""
    found = dict(row)
    for column in table.columns:
        if column.scale is not None and (value := row[column.name]) is not None:
            found[column.name] = value.quantize(Decimal(1).scaleb(-column.scale))
            assert found[column.name] == value, f"{table}.{column.name} = {value} is not rounded"
    return found


def differences(found: Sequence[Row], expected: Sequence[Row]) -> list[str]:
    """Return a line per row or cell that differs; empty if equal in any order."""
    if len(found) != len(expected):
        return [f"{len(found)} rows, {len(expected)} expected"]
    if found and list(found[0]) != list(expected[0]):
        return [f"columns {list(found[0])}, {list(expected[0])} expected"]
    pairs = zip(sorted(found, key=_place), sorted(expected, key=_place), strict=True)
    return [
        f"{list(row.values())[:3]} {name} = {row[name]!r}, {other[name]!r} expected"
        for row, other in pairs
        for name in row
        if not _equal(name, row[name], other[name])
    ]


def _place(row: Row) -> list[str]:
    """Return a sort key without numbers and documents, keys first."""
    return [
        str(value)
        for value in row.values()
        if value is None or isinstance(value, str | date | datetime | bool)
    ][:6]


def _equal(name: str, found: Any, expected: Any) -> bool:
    """Return true if two cells are equal to the last digit.

    Documents are compared by content: DuckDB writes 34.0 where BigQuery writes 34.
    """
    if name.endswith("_json") and isinstance(found, str) and isinstance(expected, str):
        return bool(json.loads(found) == json.loads(expected))
    return isinstance(found, bool) == isinstance(expected, bool) and bool(found == expected)
