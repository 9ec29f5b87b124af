from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, localcontext
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st

from backfill.errors import Refused, StatementFailed
from backfill.processors import render as statement
from backfill.processors.registry import CHAIN, PROCESSORS
from backfill.processors.render import accounted, render, sql_hash
from backfill.warehouse import warehouse
from backfill.warehouse.parquet.session import ParquetWarehouse
from backfill.warehouse.tables import TABLES
from backfill.warehouse.translation_cache import to_duckdb
from tests.seasons.tiny import FIRST, SECOND, make_step, part, run

SNAPSHOTS = Path(__file__).parents[1] / "snapshots"
PARTS = (
    {p.stem for p in statement.SQL_FOLDER.glob("[!_]*.sql")}
    - {code.lower() for code in CHAIN}
    - {"staged"}
)
JUDGED = ("failure_category", "failure_reason", "can_retry")


# Snapshots of the GoogleSQL, for review; UPDATE_SNAPSHOTS=1 rewrites them. DuckDB's text is a
# translation, which the processor tests execute.


def as_bigquery(code: str) -> str:
    return sqlglot.transpile(render(code), read="bigquery", write="bigquery", pretty=True)[0] + "\n"


@pytest.mark.parametrize("code", CHAIN)
def test_a_statement_is_the_one_that_was_reviewed(code: str) -> None:
    file = SNAPSHOTS / f"{code.lower()}.bigquery.sql"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        file.write_text(as_bigquery(code), encoding="utf-8")
    assert file.read_text(encoding="utf-8") == as_bigquery(code)


def test_every_snapshot_is_of_a_processor() -> None:
    assert {f.name for f in SNAPSHOTS.glob("*.sql")} == {f"{c.lower()}.bigquery.sql" for c in CHAIN}


# Common parts


@pytest.mark.parametrize("code", CHAIN)
def test_a_statement_asks_for_the_same_four_values(code: str) -> None:
    translated = to_duckdb(render(code))
    asked = translated.parameters.union(*(part.parameters for _, part in translated.kept))
    assert (
        {"dates", "started_at"} <= asked <= {"dates", "season_start", "started_at", "backfill_mode"}
    )


READ = {
    "TDZA": "SCHED TDGS",
    "PSZA": "PGS SCHED",
    "PCF": "PSZA TDZA UPGC UTGC",
    "PDC": "FAILURES PGS PSZA SCHED TOGS UPGC",
    "ML": "FAILURES PCF PDC PGS PSZA SCHED TDZA TOGS UPGC",
}


@pytest.mark.parametrize("code", CHAIN)
def test_a_statement_reads_what_is_specified_and_what_is_declared(code: str) -> None:
    translated = to_duckdb(render(code))
    refs = translated.tables.union(*(part.tables for _, part in translated.kept))
    read = {table.short for table in TABLES if str(table) in refs}
    assert (" ".join(sorted(read)), len(refs)) == (READ[code], len(read))
    assert {t.short for t in (*PROCESSORS[code].sources, *PROCESSORS[code].reads)} == read - {
        "SCHED",
        "FAILURES",
        "UTGC",
    }


@pytest.mark.usefixtures("season")
def test_every_output_column_is_produced_and_rounded_to_its_scale() -> None:
    session, wrong = warehouse(), []
    for code in CHAIN:
        output = PROCESSORS[code].output
        session.stage("result", render(code), make_step(code).params)
        rows = session.query("SELECT * FROM result WHERE failure_category IS NULL")
        assert rows
        assert sorted(rows[0]) == sorted((*output.names, *JUDGED))
        scales = {c.name: c.scale for c in output.columns if c.scale is not None}
        wrong += [
            (code, n, row[n])
            for row in rows
            for n, s in scales.items()
            if row[n] is not None and round(row[n], s) != row[n]
        ]
        run(code)
    assert wrong == []


@pytest.mark.usefixtures("season")
def test_what_is_stored_has_exactly_the_columns_and_types_of_the_schema(season: Path) -> None:
    run("TDZA", FIRST, SECOND)  # the first without rows, the second with rows
    for day in (FIRST, SECOND):
        file = part(season, "TDZA", day)
        stored = duckdb.sql(
            f"DESCRIBE SELECT * FROM read_parquet('{file}', hive_partitioning = false)"
        ).fetchall()
        columns = PROCESSORS["TDZA"].output.columns
        assert [(name, kind) for name, kind, *_ in stored] == [
            (c.name, c.duckdb_type) for c in columns
        ]


@pytest.mark.parametrize("code", CHAIN)
def test_what_accounts_for_a_statement_is_one_query_too(code: str) -> None:
    assert all(to_duckdb(render(code, part)).sql for part in PARTS)


@pytest.mark.parametrize("code", CHAIN)
def test_a_statement_beside_its_population_keeps_the_seasons_parts_of_both(code: str) -> None:
    texts = render(code), render(code, "population")
    apart = {name for text in texts for name, _ in to_duckdb(text).kept}
    assert {name for name, _ in to_duckdb(accounted(code, *texts)).kept} >= apart


# Statement hashes


@pytest.fixture
def own_sql(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Point the statements at a writable copy of their folder."""
    folder = Path(shutil.copytree(statement.SQL_FOLDER, tmp_path / "sql"))
    monkeypatch.setattr(statement, "SQL_FOLDER", folder)
    forget()
    yield folder
    forget()


def forget() -> None:
    for cached in (statement._environment, statement._rendered, statement._hash_of):
        cached.cache_clear()


def hashes() -> dict[str, str]:
    return {code: sql_hash(code) for code in CHAIN}


def test_a_hash_is_eight_characters_of_the_text() -> None:
    assert hashes() == {
        code: hashlib.sha256(render(code).encode()).hexdigest()[:8] for code in CHAIN
    }
    assert len(set(hashes().values())) == len(CHAIN)


@pytest.mark.parametrize(
    ("file", "changed"),
    [("psza.sql", {"PSZA"}), ("result.sql", set(CHAIN)), ("written.sql", set())],
)
def test_a_hash_changes_with_its_statement_and_with_no_other(
    own_sql: Path, file: str, changed: set[str]
) -> None:
    before = hashes()
    (own_sql / file).write_text((own_sql / file).read_text() + "\n-- another line\n")
    forget()
    assert {code for code, found in hashes().items() if found != before[code]} == changed


# The dialect


@cache
def session() -> ParquetWarehouse:
    return ParquetWarehouse(Path("nowhere"), {"threads": 1})


def value(expression: str, **params: object) -> Any:
    (row,) = session().query(f"SELECT {expression} AS x", params)
    return row["x"]


def exact(a: Decimal, b: Decimal | int, places: int = 9) -> Decimal:
    """Return BigQuery's quotient: same number of decimals, rounded half away from zero."""
    with localcontext(prec=80):
        return (a / b).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


NUMERIC = st.decimals(-(10**12), 10**12, places=9) | st.decimals(-100, 100, places=3)
DIVISORS = (NUMERIC | st.integers(-2000, 2000)).filter(bool)
QUOTIENT = "SAFE_DIVIDE(CAST(@a AS NUMERIC), @b)"


@given(a=NUMERIC, b=DIVISORS)
def test_division_is_exact_to_nine_decimals(a: Decimal, b: Decimal | int) -> None:
    with localcontext(prec=80):
        divisor = b if abs(a / b) < 10**18 else 1
    assert value(QUOTIENT, a=a, b=divisor) == exact(a, divisor)


@given(
    halves=st.integers(-(10**15), 10**15) | st.integers(-5000, 5000),
    half_divisor=st.integers(-500, 500).filter(bool),
)
def test_a_tie_goes_away_from_zero(halves: int, half_divisor: int) -> None:
    a = Decimal((2 * halves + 1) * half_divisor).scaleb(-9)
    found = value(QUOTIENT, a=a, b=2 * half_divisor)
    assert found == exact(a, 2 * half_divisor) == Decimal(halves + (halves >= 0)).scaleb(-9)


@given(x=st.decimals(-(10**6), 10**6, places=9), places=st.integers(0, 4))
def test_rounding_goes_half_away_from_zero(x: Decimal, places: int) -> None:
    assert value(f"ROUND(CAST(@x AS NUMERIC), {places})", x=x) == exact(x, 1, places)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("ROUND(CAST('2.5' AS NUMERIC), 0)", "3"),
        ("ROUND(CAST('-0.815' AS NUMERIC), 2)", "-0.82"),
        ("ROUND(SAFE_DIVIDE(CAST(1 AS NUMERIC), 8), 2)", "0.13"),
        ("ROUND(SAFE_DIVIDE(CAST(-1 AS NUMERIC), 8), 2)", "-0.13"),
        ("ROUND(SAFE_DIVIDE(CAST(2 AS NUMERIC), 3), 3)", "0.667"),
        ("SAFE_DIVIDE(CAST(1 AS NUMERIC), 3)", "0.333333333"),
        ("CAST('1.0000000005' AS NUMERIC)", "1.000000001"),
    ],
)
def test_numbers_are_those_of_bigquery(expression: str, expected: str) -> None:
    assert str(value(expression)) == expected


@pytest.mark.parametrize(
    "expression",
    [
        "SAFE_DIVIDE(CAST(1 AS NUMERIC), 0)",
        "SAFE_DIVIDE(CAST(0 AS NUMERIC), 0)",
        "SAFE_DIVIDE(CAST(NULL AS NUMERIC), 2)",
        "SAFE_DIVIDE(CAST(2 AS NUMERIC), NULL)",
        "ROUND(CAST(NULL AS NUMERIC), 2)",
        "FORMAT('%.2f', CAST(NULL AS NUMERIC))",
        "'a' || CAST(NULL AS STRING)",
        "CONCAT('a', CAST(NULL AS STRING))",
        "LEAST(1, NULL, 3)",
        "GREATEST(1, CAST(NULL AS INT64))",
    ],
)
def test_null_in_is_null_out(expression: str) -> None:
    assert value(expression) is None


def test_least_and_greatest_of_known_values() -> None:
    assert (
        value("LEAST(2, @a, 3)", a=1),
        value("GREATEST(2, @a, 3)", a=1),
        value("LEAST(2, @a)", a=None),
    ) == (1, 3, None)


@pytest.mark.parametrize(
    ("number", "decimals", "text"),
    [
        ("45.8", 2, "45.80"),
        ("-0.81", 2, "-0.81"),
        ("0", 1, "0.0"),
        ("1234567.125", 2, "1234567.13"),
        ("5", 0, "5"),
        ("-0", 1, "0.0"),
    ],
)
def test_a_formatted_number_has_exactly_its_decimals(number: str, decimals: int, text: str) -> None:
    assert value(f"FORMAT('%.{decimals}f', CAST(@x AS NUMERIC))", x=Decimal(number)) == text


def test_a_hash_is_lower_case_hexadecimal() -> None:
    assert value("TO_HEX(SHA256('é'))") == hashlib.sha256("é".encode()).hexdigest()


def test_values_are_bound_and_never_pasted() -> None:
    assert value("@a", a="x'; DROP TABLE t; --") == "x'; DROP TABLE t; --"
    assert value("ARRAY_LENGTH(@d)", d=[date(2021, 11, 2)]) == 1


def test_a_value_that_is_not_given_is_missed_by_name() -> None:
    with pytest.raises(StatementFailed, match=r"^no value for @a, @b$"):
        value("@a + @b")


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "-- nothing",
        "SELECT 1; SELECT 2",
        "DELETE FROM t WHERE TRUE",
        "INSERT INTO t SELECT 1",
        "CREATE TABLE t AS SELECT 1",
        "DROP TABLE t",
        "EXPORT DATA OPTIONS(uri = 'x') AS SELECT 1",
        "COPY t TO 'file'",
        "SET x = 1",
    ],
)
def test_only_one_query_is_accepted(sql: str) -> None:
    with pytest.raises(Refused, match=r"^exactly one SELECT is expected$"):
        to_duckdb(sql)


def test_a_query_that_is_none_is_refused_in_one_line() -> None:
    with pytest.raises(Refused, match=r"^not valid GoogleSQL: [^\n]+$"):
        to_duckdb("SELECT (")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 AS x;",
        "WITH a AS (SELECT 1 AS x) SELECT x FROM a",
        "(SELECT 1 AS x) UNION ALL (SELECT 1)",
    ],
)
def test_a_query_may_be_written_in_any_way(sql: str) -> None:
    assert session().query(sql)[0] == {"x": 1}


@pytest.mark.parametrize("sql", ["SELECT FORMAT('%d', 5)", "SELECT FORMAT('%.2f and more', 5)"])
def test_a_format_that_would_be_translated_wrongly_is_refused(sql: str) -> None:
    with pytest.raises(Refused, match=r"FORMAT supports only '%\.Nf'"):
        to_duckdb(sql)


def test_rounding_to_tens_is_left_to_the_engine() -> None:
    assert duckdb.sql(to_duckdb("SELECT ROUND(CAST(125 AS NUMERIC), -1)").sql).fetchall() == [
        (130,)
    ]
