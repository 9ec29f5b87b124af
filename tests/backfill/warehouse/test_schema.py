from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from backfill.warehouse.schema import DUCKDB_TYPES, Column, parse_columns
from backfill.warehouse.tables import BY_REF, FAILURES, INPUTS, OUTPUTS, TABLES

SPECIFIED = Path(__file__).resolve().parents[4] / "shared" / "spec" / "tables.md"

DDL = """\
CREATE TABLE nba_processing.precompute_failures (
  processor_name STRING NOT NULL OPTIONS(description="processor"),
  run_id STRING NOT NULL OPTIONS(description="id of the run that wrote the row"),
  analysis_date DATE NOT NULL OPTIONS(description="date analyzed"),
  entity_id STRING NOT NULL OPTIONS(description="team, player, or DATE_LEVEL"),
  failure_category STRING NOT NULL OPTIONS(description="failure category"),
  failure_reason STRING NOT NULL OPTIONS(description="facts of the failure, at most 1000 characters"),
  can_retry BOOL NOT NULL OPTIONS(description="a retry can succeed"),
  created_at TIMESTAMP NOT NULL OPTIONS(description="start of the run")
)
PARTITION BY analysis_date
CLUSTER BY processor_name, failure_category, can_retry;"""


def test_a_table_as_bigquery_creates_it() -> None:
    assert FAILURES.ddl() == DDL


def test_no_partition_ever_expires() -> None:
    assert not [str(t) for t in TABLES if "expir" in t.ddl().lower()]


def test_a_column_that_may_be_null_and_an_array_are_not_declared_required() -> None:
    declared = [
        Column(name="a", type="INT64"),
        Column(name="b", type="ARRAY<FLOAT64>", nullable=False),
        Column(name="c", type="NUMERIC(5,2)", nullable=False),
    ]
    assert [re.sub(r" OPTIONS.*", "", c.ddl) for c in declared] == [
        "a INT64",
        "b ARRAY<FLOAT64>",
        "c NUMERIC(5,2) NOT NULL",
    ]


def test_keys_and_partitions_are_columns_that_are_never_null() -> None:
    named = {(str(t), name) for t in TABLES for name in (*t.key, t.partition)}
    assert {(ref, name) for ref, name in named if BY_REF[ref].by_name[name].nullable} == set()


def test_clusters_are_columns_and_at_most_four_as_bigquery_allows() -> None:
    assert {name for t in TABLES for name in t.cluster if name not in t.by_name} == set()
    assert all(1 <= len(t.cluster) <= 4 for t in TABLES)


def test_partitions_are_dates() -> None:
    assert {t.by_name[t.partition].type for t in TABLES} == {"DATE"}


def test_names_are_unique() -> None:
    assert all(len(set(t.names)) == len(t.names) for t in TABLES)
    assert len({t.short for t in TABLES}) == len(BY_REF) == len(TABLES)


def test_every_column_says_what_it_means_in_words_that_a_ddl_can_quote() -> None:
    assert [
        (str(t), c.name)
        for t in TABLES
        for c in t.columns
        if not c.meaning or set(c.meaning) & set('"\\\n')
    ] == []


def test_every_type_is_one_of_duckdb() -> None:
    for kind in {c.duckdb_type for t in TABLES for c in t.columns}:
        described = duckdb.sql(f"SELECT CAST(NULL AS {kind}) AS x").types
        assert [str(t) for t in described] == [kind]


TYPES = [
    ("NUMERIC(5,2)", "DECIMAL(5,2)", 2),
    ("DATE", "DATE", None),
    ("TIMESTAMP", "TIMESTAMP", None),
]


@pytest.mark.parametrize(
    ("type_", "duckdb_type", "scale"), [*TYPES, *((g, d, None) for g, d in DUCKDB_TYPES.items())]
)
def test_a_type_keeps_its_scale(type_: str, duckdb_type: str, scale: int | None) -> None:
    column = Column(name="x", type=type_)
    assert (column.duckdb_type, column.scale) == (duckdb_type, scale)


def test_outputs_close_with_the_columns_of_the_frame() -> None:
    closing = [
        Column(name="data_hash", type="STRING", nullable=False),
        Column(name="created_at", type="TIMESTAMP", nullable=False),
        Column(name="processed_at", type="TIMESTAMP", nullable=False),
    ]
    for table in OUTPUTS:
        assert [(c.name, c.type, c.nullable, c.hashed) for c in table.columns[-3:]] == [
            (c.name, c.type, c.nullable, c.hashed) for c in closing
        ]
        assert table.key == (table.entity, table.partition)


def test_hashed_columns_come_first_and_inputs_have_none() -> None:
    assert [c.name for t in INPUTS for c in t.columns if c.hashed] == []
    for table in OUTPUTS:
        assert table.hashed == table.columns[: len(table.hashed)]


def test_declarations_are_read_a_line_per_type() -> None:
    assert list(parse_columns("a,b INT64! H one; other\nc STRING what both mean")) == [
        Column(name="a", type="INT64", nullable=False, hashed=True, meaning="one"),
        Column(name="b", type="INT64", nullable=False, hashed=True, meaning="other"),
        Column(name="c", type="STRING", nullable=True, hashed=False, meaning="what both mean"),
    ]


# Comparison with the specification, where available

SECTION = re.compile(r"^### \d\.\d `([\w.]+)`.*?\n(.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)


def cells(line: str) -> list[str]:
    return [c.strip().replace("†", "") for c in line.strip().strip("|").split("|")]


def each(cell: str, count: int) -> list[str]:
    """Repeat a single entry for all names of a row; commas within a type are not separators."""
    found = [c.strip() for c in re.split(r",(?![^(]*\))", cell)]
    return found if len(found) == count else found * count


def described(section: str) -> Iterator[tuple[str, str, bool, bool]]:
    """Yield (name, type, nullable, hashed) of the columns in a section's table."""
    lines = [cells(line) for line in section.splitlines() if line.startswith("|")]
    for values in lines[2:]:
        row = dict(zip(lines[0], values, strict=True))
        names = [name.strip() for name in row["Column"].split(",")]
        for name, kind, null in zip(
            names, each(row["Type"], len(names)), each(row["Null"], len(names)), strict=True
        ):
            yield name, kind, null == "yes", row.get("H") == "H"


def test_columns_are_those_of_the_specification() -> None:
    text = SPECIFIED.read_text(encoding="utf-8") if SPECIFIED.exists() else ""
    for ref, section in SECTION.findall(text):
        expected = list(described(section))
        declared = [(c.name, c.type, c.nullable, c.hashed) for c in BY_REF[ref].columns]
        assert declared[: len(expected)] == expected
        assert all(
            name.startswith("source_") or name in ("data_hash", "created_at", "processed_at")
            for name, *_ in declared[len(expected) :]
        )
        assert (
            f"Partition `{BY_REF[ref].partition}`; cluster {', '.join(f'`{c}`' for c in BY_REF[ref].cluster)}; key"
            in section
        )
