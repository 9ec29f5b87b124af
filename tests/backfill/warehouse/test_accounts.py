"""Accounts of staged rows: the same from SQL as from the rows themselves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import duckdb
from hypothesis import example, given
from hypothesis import strategies as st

from backfill.processors.registry import PROCESSORS
from backfill.statements import render
from backfill.warehouse.accounts import STATEMENTS, Account, of_counts, of_rows
from backfill.warehouse.translation_cache import to_duckdb

DAY, TABLE = date(2021, 11, 2), PROCESSORS["PSZA"].output
DAYS = st.integers(0, 2).map(lambda n: DAY + timedelta(n))
ENTITIES = st.sampled_from("abcd")
# A row of the statement, the entity that is expected, or both.
Row = tuple[date | None, str | None, str | None, date | None, str | None]
MATCHED = st.tuples(DAYS, ENTITIES, st.sampled_from((None, "FEW", "BAD"))).map(
    lambda found: (*found, found[0], found[1])
)
STRANGERS = st.tuples(DAYS, st.sampled_from("xyz"), st.sampled_from((None, "FEW"))).map(
    lambda found: (*found, None, None)
)
MISSING = st.tuples(DAYS, st.sampled_from("mn")).map(lambda found: (None, None, None, *found))


def by_sql(rows: Sequence[Row]) -> dict[date, Account]:
    db = duckdb.connect()
    db.execute(
        f"CREATE TABLE staged ({TABLE.partition} DATE, {TABLE.entity} TEXT, failure_category TEXT, expected_date DATE,"
        " expected_entity TEXT)"
    )
    if rows:
        db.executemany("INSERT INTO staged VALUES (?, ?, ?, ?, ?)", rows)
    texts = (render(name, table=TABLE, rows="staged") for name in STATEMENTS)
    return of_counts(*(db.execute(to_duckdb(text).sql).fetchall() for text in texts))


@given(st.lists(st.one_of(MATCHED, STRANGERS, MISSING), max_size=12))
@example([])
@example([(DAY, "a", None, DAY, "a"), (DAY, "a", "FEW", DAY, "a")])  # a row and a failure
@example([(DAY, "a", None, DAY, "a"), (DAY, "a", None, DAY, "a")])  # two rows
@example([(DAY, "a", None, None, None)])  # no population
@example([(DAY, None, None, None, None)])  # a row without an entity
@example([(None, None, None, DAY, "a")])  # neither row nor failure
def test_the_database_counts_what_the_rows_hold(rows: list[Row]) -> None:
    assert by_sql(rows) == of_rows(rows)


def test_an_account() -> None:
    rows: list[Row] = [
        (DAY, "a", None, DAY, "a"),
        (DAY, "b", "FEW", DAY, "b"),
        (DAY, "b", "BAD", DAY, "b"),
        (DAY, "x", None, None, None),
        (None, None, None, DAY, "m"),
    ]
    assert of_rows(rows) == {
        DAY: Account(
            population=3,
            rows=2,
            categories={"FEW": 1, "BAD": 1},
            repeated=1,
            strangers=1,
            missing=1,
        )
    }
