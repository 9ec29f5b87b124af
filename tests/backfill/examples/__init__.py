"""Worked examples of the specification: rows in, rows out.

A file holds the `cases` of one processor; `shared.json` holds the defaults and the named row sets
that cases `use`. Items of a table expand to rows:

    {column: value, ...}                        one row
    {"columns": [...], "values": [[...], ...]}  a row per list of values
    "times": 15, "every_days": 3                15 games, each 3 days before the next one and
                                                numbered one lower
    "each": {column: [...]}                     the item once per value
    "totals": {column: sum}                     a sum spread over the rows of `times`, as evenly as
                                                integers allow
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from backfill.warehouse.schema import Column
from tests.oracle.outcome import ORDER, TABLES, Failure, Outcomes, Row, Rows, Tables

HERE = Path(__file__).parent
FACILITIES = ("times", "every_days", "each", "totals", "columns", "values")


@dataclass(frozen=True)
class Case:
    """Example of one date: table rows, expected outcomes and excluded outcomes."""

    name: str
    code: str
    season_start: date
    day: date
    backfill_mode: bool
    tables: Tables
    expected_rows: dict[str, Row]
    expected_failures: dict[str, Failure]
    absent_rows: tuple[str, ...]
    absent_failures: tuple[str, ...]

    @property
    def dates(self) -> list[date]:
        return [self.day]

    def __str__(self) -> str:
        return self.name


@cache
def cases() -> tuple[Case, ...]:
    """Return every example of every processor."""
    return tuple(_case(raw) for code in ORDER for raw in _read(f"{code.lower()}.json")["cases"])


def check(case: Case, outcomes: Outcomes) -> None:
    """Assert that the outcomes are those of the example."""
    outcome = outcomes[case.day]
    for entity, expected in case.expected_rows.items():
        assert entity in outcome.rows, (
            f"{case}: {entity} has no row but {outcome.failures.get(entity)}"
        )
        written = {column: outcome.rows[entity][column] for column in expected}
        assert written == expected, f"{case}: {entity}"
    for entity, failure in case.expected_failures.items():
        assert outcome.failures.get(entity) == failure, f"{case}: {entity}"
        assert entity not in outcome.rows, f"{case}: {entity}"
    assert not set(case.absent_rows) & set(outcome.rows), case.name
    assert not set(case.absent_failures) & set(outcome.failures), case.name


def _read(name: str) -> Any:
    return json.loads((HERE / name).read_text(), parse_float=Decimal)


@cache
def _shared() -> Any:
    return _read("shared.json")


def _case(raw: Any) -> Case:
    expected = raw["expect"]
    return Case(
        name=raw["name"],
        code=raw["processor"],
        season_start=date.fromisoformat(raw["season_start"]),
        day=date.fromisoformat(raw["date"]),
        backfill_mode=raw.get("mode", "backfill") == "backfill",
        tables=_tables(raw),
        expected_rows={
            entity: _typed(raw["processor"], row)
            for entity, row in expected.get("rows", {}).items()
        },
        expected_failures={
            entity: tuple(failure) for entity, failure in expected.get("failures", {}).items()
        },
        absent_rows=tuple(expected.get("absent_from_rows", ())),
        absent_failures=tuple(expected.get("absent_from_failures", ())),
    )


def _tables(raw: Any) -> Tables:
    """Build the tables: rows of the case and of the sets it uses, over its defaults and the shared
    ones.
    """
    tables: Tables = {}
    for rows in (*(_shared()["sets"][name] for name in raw.get("use", ())), raw["rows"]):
        for short, items in rows.items():
            defaults = _shared()["defaults"].get(short, {}) | raw.get("defaults", {}).get(short, {})
            tables[short] = [*tables.get(short, []), *_rows(short, defaults, items)]
    return tables


def _rows(short: str, defaults: Row, items: Rows) -> Rows:
    return [_typed(short, row) for item in items for row in _expanded(defaults | item)]


def _expanded(item: Row) -> Iterator[Row]:
    plain = {key: value for key, value in item.items() if key not in FACILITIES}
    for varied in _variants(item):
        for i in range(item.get("times", 1)):
            yield (
                plain
                | varied
                | _game(plain | varied, i, item.get("every_days", 0))
                | _spread(item, i)
            )


def _variants(item: Row) -> Iterator[Row]:
    if "columns" in item:
        yield from (dict(zip(item["columns"], values, strict=True)) for values in item["values"])
    elif "each" in item:
        ((column, values),) = item["each"].items()
        yield from ({column: value} for value in values)
    else:
        yield {}


def _game(row: Row, i: int, every_days: int) -> Row:
    """Return the i-th game before the given one."""
    if not i:
        return {}
    day = date.fromisoformat(row["game_date"]) - timedelta(days=i * every_days)
    return {"game_date": day.isoformat(), "game_id": f"{int(row['game_id']) - i:010d}"}


def _spread(item: Row, i: int) -> Row:
    shares = {
        column: divmod(total, item["times"]) for column, total in item.get("totals", {}).items()
    }
    return {column: share + (i < rest) for column, (share, rest) in shares.items()}


def _typed(short: str, row: Row) -> Row:
    return {column: _value(TABLES[short].by_name[column], value) for column, value in row.items()}


def _value(column: Column, value: Any) -> Any:
    if value is None:
        return None
    if column.type == "ARRAY<FLOAT64>":
        return [float(v) for v in value]
    if column.scale is not None:
        return Decimal(value)
    reader = {"DATE": date.fromisoformat, "TIMESTAMP": datetime.fromisoformat}.get(column.type)
    return reader(value) if reader else value
