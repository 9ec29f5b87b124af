from __future__ import annotations

from datetime import date

import pytest

from backfill.processors.registry import CHAIN, PROCESSORS
from backfill.processors.render import accounted, render
from backfill.warehouse.bigquery import sql as statements
from backfill.warehouse.bigquery.sql import narrowed
from backfill.warehouse.tables import FAILURES, HISTORY, OUTPUTS, PGS, SCHED, TDZA, UPGC
from tests.backfill.statements import BY_SHORT

START = date(2021, 10, 19)
SEASON = (date(2021, 10, 1), date(2022, 9, 30))
IN_SEASON = "WHERE game_date BETWEEN DATE '2021-10-01' AND DATE '2022-09-30'"


# Writing


@pytest.mark.parametrize("table", OUTPUTS, ids=str)
def test_a_partition_is_replaced_by_one_merge_that_matches_nothing(table: object) -> None:
    output = BY_SHORT[getattr(table, "short")]  # noqa: B009
    lines = statements.replacing(output, "SELECT * FROM staged").splitlines()
    names = ", ".join(output.names)
    assert lines[0] == f"MERGE {output} AS t"
    assert lines[-3:] == [
        "ON FALSE",
        f"WHEN NOT MATCHED BY TARGET THEN INSERT ({names}) VALUES ({names})",
        f"WHEN NOT MATCHED BY SOURCE AND t.{output.partition} IN UNNEST(@replaced_dates) THEN DELETE",
    ]


def test_of_a_log_only_the_slice_of_a_processor_is_replaced() -> None:
    text = statements.replacing(FAILURES, "SELECT * FROM staged")
    slice_ = "t.analysis_date IN UNNEST(@replaced_dates) AND t.processor_name = @replaced_name"
    assert text.endswith(f"WHEN NOT MATCHED BY SOURCE AND {slice_} THEN DELETE")
    assert statements.replacing(FAILURES, "") == f"DELETE FROM {FAILURES} AS t WHERE {slice_}"


def test_what_is_inserted_has_exactly_the_types_of_its_columns() -> None:
    text = statements.replacing(TDZA, "SELECT 1")
    numeric = next(c for c in TDZA.columns if c.scale is not None)
    assert f"CAST({numeric.name} AS {numeric.type}) AS {numeric.name}" in text
    assert "CAST(features" not in statements.replacing(BY_SHORT["ML"], "SELECT 1")


def test_history_takes_the_place_of_the_same_run_on_the_same_date() -> None:
    text = statements.adding(HISTORY)
    assert "FROM UNNEST(@added_rows) AS r" in text
    assert text.endswith(
        "t.data_date IN UNNEST(@replaced_dates) AND t.run_id IN UNNEST(@added_run_ids) THEN DELETE"
    )


def test_a_season_is_replaced_by_literal_dates_in_one_transaction() -> None:
    text = statements.loading(SEASON, {PGS: "backcourt_scratch.x", SCHED: "backcourt_scratch.y"})
    begin, games, schedule, commit, rest = (s.strip() for s in text.split(";"))
    assert (begin, commit, rest) == ("BEGIN TRANSACTION", "COMMIT TRANSACTION", "")
    for table, merge in ((PGS, games), (SCHED, schedule)):
        assert merge.startswith(f"MERGE {table} AS t")
        assert merge.endswith(
            "AND t.game_date BETWEEN DATE '2021-10-01' AND DATE '2022-09-30' THEN DELETE"
        )


# Narrowing


def test_an_input_is_narrowed_to_its_season_and_an_output_to_its_dates() -> None:
    sql = f"SELECT * FROM {SCHED} AS s JOIN {TDZA} AS z ON z.analysis_date = s.game_date"
    assert narrowed(sql, {"season_start": START, "dates": []}, season=SEASON) == (
        f"SELECT * FROM (SELECT * FROM {SCHED} {IN_SEASON}) AS s "
        f"JOIN (SELECT * FROM {TDZA} WHERE analysis_date IN UNNEST(@dates)) AS z ON z.analysis_date = s.game_date"
    )


def test_bounds_narrow_what_is_written_here_and_not_the_inputs() -> None:
    sql = f"SELECT 1 FROM {TDZA} UNION ALL SELECT 1 FROM {UPGC}"
    assert narrowed(sql, {"start": START, "end": START}) == (
        f"SELECT 1 FROM (SELECT * FROM {TDZA} WHERE analysis_date >= @start AND analysis_date <= @end) "
        f"UNION ALL SELECT 1 FROM {UPGC}"
    )


def test_a_table_that_is_named_in_a_text_stays_as_it_is() -> None:
    sql = f"SELECT 'no row in {TDZA}' FROM {TDZA}"
    assert narrowed(sql, prefix="dev_") == f"SELECT 'no row in {TDZA}' FROM dev_{TDZA}"


def test_staged_rows_are_read_where_they_were_put() -> None:
    staged = {"staged": "backcourt_scratch.s1"}
    assert (
        narrowed("SELECT x FROM staged WHERE x", staged=staged)
        == "SELECT x FROM backcourt_scratch.s1 AS staged WHERE x"
    )
    assert narrowed("SELECT 1 FROM staged AS s JOIN other USING (x)", staged=staged) == (
        "SELECT 1 FROM backcourt_scratch.s1 AS s JOIN other USING (x)"
    )
    assert narrowed("SELECT 1 FROM staged_too", staged=staged) == "SELECT 1 FROM staged_too"


def test_the_target_of_a_write_is_never_narrowed() -> None:
    for text in (statements.replacing(TDZA, ""), statements.replacing(TDZA, "SELECT 1")):
        assert narrowed(text, {"dates": []}) == text


@pytest.mark.parametrize("code", CHAIN)
def test_no_statement_of_a_processor_reads_a_whole_table(code: str) -> None:
    text = accounted(code, render(code), render(code, "population"))
    sent = narrowed(text, {"dates": [], "season_start": START}, season=SEASON)
    tables = {*PROCESSORS[code].sources, *PROCESSORS[code].reads}
    for table in tables:
        assert f" {table} WHERE {table.partition} " in sent
        assert (
            sent.count(f"FROM {table}\n")
            == sent.count(f"JOIN {table}\n")
            == sent.count(f"JOIN {table} ")
            == 0
        )


# Reads


def test_partitions_written_empty_are_told_by_the_history() -> None:
    text = statements.listing()
    assert all(f"FROM {table} GROUP BY" in text for table in (*OUTPUTS, FAILURES, HISTORY))
    assert text.count("WHERE records_created = 0") == text.count("WHERE records_failed = 0") == 1
