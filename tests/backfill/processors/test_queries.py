from __future__ import annotations

import json
import re
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import override_settings

from backfill.errors import Refused
from backfill.queries import named, names
from backfill.warehouse import warehouse
from backfill.warehouse.tables import PCF, TDZA
from tests.factories import make_row, store
from tests.once import copy_warehouse
from tests.seasons.november import (
    AFTER,
    ALL_FAIL,
    BOOTSTRAP,
    END,
    MANY_FAIL,
    NONE_FAIL,
    OUTPUT,
    PROCESSORS,
    REFUSED,
    SOME_FAIL,
    START,
    UNTOUCHED,
    breakdown,
    failed,
    failures,
    fill,
    history,
    month_status,
    rates,
    records,
    retryable,
    values,
)

RUNBOOK = Path(__file__).resolve().parents[4] / "shared" / "runbook.md"
STORED = Path(__file__).parents[1] / "runbook_queries.sql"
NEXT = "\n\n-- next statement\n\n"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("november")
    with override_settings(WAREHOUSE_URL=f"parquet:{root}/warehouse"):
        fill(root)
    return root / "warehouse"


@pytest.fixture
def november(filled: Path, own_warehouse: Path) -> None:
    """Fill this test's warehouse with the runbook's month."""
    copy_warehouse(filled, own_warehouse)


# The runbook, unchanged


def printed(markdown: str) -> list[str]:
    """Return every SQL statement of a runbook's code blocks, in page order."""
    found: list[str] = []
    for language, block in re.findall(r"^```(\w+)\n(.*?)^```", markdown, re.DOTALL | re.MULTILINE):
        found += (
            [block]
            if language == "sql"
            else re.findall(r"^bq query [^']*'(.*?)'$", block, re.DOTALL | re.MULTILINE)
        )
    return [statement.strip() for statement in found]


def kept() -> list[str]:
    """Return the runbook's stored statements; where the runbook is available, check that it still
    has the same ones.
    """
    stored = STORED.read_text(encoding="utf-8").rstrip("\n").split(NEXT)
    assert not RUNBOOK.exists() or printed(RUNBOOK.read_text(encoding="utf-8")) == stored
    return stored


def as_printed(mention: str) -> list[tuple[Any, ...]]:
    """Run the only runbook statement that contains this text."""
    (statement,) = (s for s in kept() if mention in s)
    return values(warehouse().query(statement))


@pytest.mark.usefixtures("november")
class TestAsPrinted:
    def test_every_statement_runs(self) -> None:
        assert len(kept()) == 8
        assert all(warehouse().query(statement) for statement in kept())

    def test_quick_reference(self) -> None:
        assert sorted(as_printed("failure_category, COUNT(*) FROM")) == failed(failures())

    def test_existing_records(self) -> None:
        (statement,) = (
            s for s in kept() if s.startswith("SELECT\n  DATE(analysis_date) as dt,\n  COUNT(*)")
        )
        assert values(warehouse().query(statement)) == [(day, n) for day, _, n in records("PSZA")]

    def test_records_per_date_of_two_processors(self) -> None:
        assert as_printed('"PCF" as processor') == records("PSZA", "PCF")

    def test_failure_breakdown(self) -> None:
        assert as_printed("COUNTIF(can_retry)") == breakdown()

    def test_failure_rates_lack_the_dates_where_none_or_all_failed(self) -> None:
        # A failure of the whole date counts as a player here: 7 instead of 6 of MANY_FAIL.
        assert as_printed("Calculate failure rate") == [
            (SOME_FAIL, 1, 2, 33.3),
            (MANY_FAIL, 7, 1, 87.5),
        ]

    def test_month_status(self) -> None:
        assert sorted(as_printed("tables status for a month")) == sorted(month_status())

    def test_retryable_failures(self) -> None:
        assert sorted(as_printed("Find retryable failures")) == retryable()

    def test_run_history(self) -> None:
        newest = history(date(2021, 11, 22))[:10]
        columns = ("processor_name", "status", "records_created", "duration_seconds")
        assert as_printed("LIMIT 10") == values([{c: row[c] for c in columns} for row in newest])


# Corrected queries, by name


def ask(name: str) -> list[tuple[Any, ...]]:
    return values(named(name).rows(START, END))


@pytest.mark.usefixtures("november")
class TestCorrected:
    def test_failure_counts(self) -> None:
        assert ask("failure-counts") == failed(failures())

    def test_failure_breakdown(self) -> None:
        assert ask("failure-breakdown") == breakdown()

    def test_retryable_failures(self) -> None:
        assert ask("retryable-failures") == retryable()

    def test_records_per_date(self) -> None:
        assert ask("records-per-date") == [(day, n) for day, _, n in records("PSZA")]

    def test_records_by_processor_has_all_five(self) -> None:
        assert ask("records-by-processor") == records(*PROCESSORS)

    def test_month_status_takes_pcf_by_its_partition(self) -> None:
        store(PCF, [make_row(PCF, game_date=END, analysis_date=AFTER, player_lookup="e")])
        expected = [
            (c, first, END, n + 1) if c == "PCF" else (c, first, last, n)
            for c, first, last, n in month_status()
        ]
        assert ask("month-status") == expected

    def test_run_history_has_every_run_newest_first(self) -> None:
        columns = [*named("run-history").rows(START, END)[0]]
        assert columns[:4] == ["processor_name", "status", "records_created", "duration_seconds"]
        assert ask("run-history") == values([{c: row[c] for c in columns} for row in history()])

    def test_failure_rates_of_every_processing_date_and_processor(self) -> None:
        assert ask("failure-rates") == rates()

    def test_failure_rates_have_the_dates_where_none_or_all_failed(self) -> None:
        found = {day: row for day, name, *row in ask("failure-rates") if name == PROCESSORS["PSZA"]}
        assert found == {
            BOOTSTRAP: ["bootstrap", 0, 0, None],
            ALL_FAIL: ["processed", 3, 0, 100.0],
            SOME_FAIL: ["processed", 1, 2, 33.3],
            NONE_FAIL: ["processed", 0, 3, 0.0],
            MANY_FAIL: ["processed", 6, 1, 85.7],
            UNTOUCHED: ["not processed", 0, 0, None],
            REFUSED: ["failed", 0, 0, None],
        }

    def test_failure_rates_keep_rows_of_a_date_that_the_calendar_does_not_know(self) -> None:
        stray = date(2021, 11, 20)
        store(TDZA, [make_row(TDZA, analysis_date=stray, team_abbr="BOS")])
        assert [row for row in ask("failure-rates") if row[0] == stray] == [
            (stray, PROCESSORS["TDZA"], "processed", 0, 1, 0.0)
        ]


def test_every_query_describes_itself_and_takes_both_dates() -> None:
    for query in map(named, names()):
        assert query.sql.startswith(f"-- {query.description}\n")
        assert set(re.findall(r"@\w+", query.sql)) == {"@start", "@end"}


def test_every_query_of_an_empty_warehouse_answers() -> None:
    empty = {name: named(name).rows(START, END) for name in names()}
    nothing = [{"proc": code, "min_dt": None, "max_dt": None, "dates": 0} for code in PROCESSORS]
    assert empty == {name: [] for name in names()} | {"month-status": nothing}


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(
        Refused,
        match=r"^unknown query '\.\./errors'; choose one of: failure-breakdown, failure-counts, ",
    ):
        named("../errors")


# The verb


def run(*args: str) -> tuple[int, str, str]:
    out, err = StringIO(), StringIO()
    try:
        call_command("query", *args, stdout=out, stderr=err)
    except SystemExit as stopped:
        return int(stopped.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


@pytest.mark.usefixtures("november")
def test_the_verb_prints_an_aligned_table() -> None:
    assert run("month-status", "--start", "2021-11-01", "--end", "2021-11-30") == (
        0,
        "proc  min_dt      max_dt      dates\n"
        "TDZA  2021-11-02  2021-11-05      4\n"
        "PSZA  2021-11-03  2021-11-05      3\n"
        "PCF   2021-11-03  2021-11-05      3\n"
        "PDC   2021-11-04  2021-11-05      2\n"
        "ML    2021-11-05  2021-11-05      1\n",
        "",
    )


@pytest.mark.usefixtures("november")
def test_the_verb_answers_json_with_numbers_and_dates() -> None:
    code, out, err = run("failure-rates", "--start", "2021-11-03", "--end", "2021-11-03", "--json")
    document = json.loads(out)
    rows = document.pop("rows")
    assert (code, err, document) == (
        0,
        "",
        {"query": "failure-rates", "start": "2021-11-03", "end": "2021-11-03"},
    )
    assert rows[3] == {
        "dt": "2021-11-03",
        "processor_name": PROCESSORS["PSZA"],
        "status": "processed",
        "failed_players": 1,
        "successful_records": 2,
        "failure_pct": 33.3,
    }


@pytest.mark.usefixtures("november")
def test_without_dates_the_verb_takes_the_whole_schedule() -> None:
    document = json.loads(run("records-per-date", "--json")[1])
    assert (document["start"], document["end"]) == ("2021-10-19", "2021-12-01")
    assert [row["records"] for row in document["rows"]] == list(OUTPUT["PSZA"].values())


def test_the_verb_prints_the_googlesql_instead() -> None:
    code, out, _ = run("failure-counts", "--start", "2021-11-01", "--end", "2021-11-30", "--sql")
    assert (code, out) == (
        0,
        f"-- @start = DATE '2021-11-01', @end = DATE '2021-11-30'\n{named('failure-counts').sql}",
    )


def test_the_verb_lists_the_queries() -> None:
    code, out, _ = run("--list", "--json")
    found = {query["name"]: query["description"] for query in json.loads(out)["queries"]}
    assert (code, found) == (0, {name: named(name).description for name in names()})
    assert [line.split()[0] for line in run("--list")[1].splitlines()] == ["name", *names()]


def test_no_rows_are_said_to_be_none() -> None:
    dates = ("--start", "2021-11-01", "--end", "2021-11-30")
    assert run("failure-counts", *dates) == (0, "no rows from 2021-11-01 to 2021-11-30\n", "")


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (
            ("month-status", "--start", "2021-11-30", "--end", "2021-11-01"),
            "--end 2021-11-01 is before --start 2021-11-30; swap them",
        ),
        (("month-status",), "no schedule is loaded; add --start and --end"),
        ((), f"choose a query: {', '.join(names())}"),
        (("nope",), f"unknown query 'nope'; choose one of: {', '.join(names())}"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_2(args: tuple[str, ...], sentence: str) -> None:
    assert run(*args) == (2, "", sentence + "\n")
