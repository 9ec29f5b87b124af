"""Queries: page and CSV have the query's rows; the printed SQL returns the same rows elsewhere."""

from __future__ import annotations

import csv
import io
import re
from datetime import date
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from backfill import queries
from backfill.errors import WarehouseBusy
from backfill.queries import Query
from backfill.warehouse import warehouse
from tests.webapp.demo import Demo
from webapp.pages import queries as query_page
from webapp.ui import csv_export

pytestmark = [pytest.mark.database, pytest.mark.django_db]
START, END = date(2021, 11, 1), date(2021, 11, 12)
DATES: dict[str, Any] = {"start": START, "end": END}


def page(client: Client, name: str, **query: Any) -> str:
    answer = client.get(reverse("query", args=[name]), query)
    assert answer.status_code == 200
    return answer.content.decode()


def shown(text: str) -> list[list[str]]:
    """Return the displayed rows of the result."""
    body = text.partition("<tbody>")[2].partition("</tbody>")[0]
    return [
        [unescape(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row)]
        for row in body.split("<tr>")[1:]
    ]


def as_read(value: object) -> str:
    return "–" if value is None else f"{value:,}" if isinstance(value, int | float) else str(value)


def test_all_queries_are_listed_with_what_they_tell(viewer: Client, db: None) -> None:
    text = re.sub("</?code>", "`", viewer.get(reverse("queries")).content.decode())
    for name in queries.names():
        assert reverse("query", args=[name]) in text
        assert queries.named(name).description in unescape(text)


@pytest.mark.parametrize("name", ["failure-breakdown", "retryable-failures"])
def test_no_query_calls_healable_what_a_retry_does_not_heal(name: str) -> None:
    query = queries.named(name)
    assert [
        word for word in ("may heal", "may be retried", "AS retryable") if word in query.sql
    ] == []
    assert "can_retry" in query.description


@pytest.mark.parametrize("name", queries.names())
def test_page_and_file_have_the_rows_of_the_query(viewer: Client, demo: Demo, name: str) -> None:
    rows = queries.named(name).rows(START, END)
    assert rows
    text = page(viewer, name, **DATES, size="200")
    assert shown(text) == [[as_read(value) for value in row.values()] for row in rows]
    assert f">{len(rows):,} row" in text
    file = viewer.get(reverse("query_csv", args=[name]), DATES)
    read = list(csv.reader(io.StringIO(b"".join(file).decode())))
    assert read == [
        list(rows[0]),
        *([str(csv_export.safe(value)) for value in row.values()] for row in rows),
    ]


def test_a_column_sorts_both_ways_with_null_last(viewer: Client, demo: Demo) -> None:
    up, down = (
        shown(page(viewer, "failure-rates", sort=order, **DATES))
        for order in ("failure_pct", "-failure_pct")
    )
    for rows, turned in ((up, False), (down, True)):
        rates = [row[-1] for row in rows]
        known = [float(rate) for rate in rates if rate != "–"]
        assert known == sorted(known, reverse=turned)
        assert rates[len(known) :] == ["–"] * (len(rates) - len(known))
    assert up != down


def test_many_rows_are_shown_in_pages_of_a_selected_size_and_all_are_counted(
    viewer: Client, demo: Demo
) -> None:
    every = queries.named("failure-rates").rows(START, END)
    first = page(viewer, "failure-rates", **DATES)
    assert len(shown(first)) == 25
    assert f">{len(every)} rows" in first
    second = page(viewer, "failure-rates", **DATES, page="2", size="50")
    assert len(shown(second)) == len(every) - 50
    assert shown(second)[0][0] == str(every[50]["dt"])


def test_the_text_to_copy_has_its_dates_written_in_and_gives_the_same_rows(
    viewer: Client, demo: Demo
) -> None:
    for name in queries.names():
        sql = query_page.inlined(queries.named(name), START, END)
        assert "@" not in sql
        assert warehouse().query(sql) == queries.named(name).rows(START, END)
    text = unescape(page(viewer, "failure-counts", **DATES))
    assert f"BETWEEN DATE '{START}' AND DATE '{END}'" in text
    assert "bq query --use_legacy_sql=false" in text
    assert f"manage.py query failure-counts --start {START} --end {END}" in text


def test_seasons_and_months_are_one_click_and_nothing_runs_before_it(
    viewer: Client, demo: Demo
) -> None:
    text = page(viewer, "failure-counts")
    assert "?start=2021-11-01&amp;end=2021-11-30" in text
    assert "?start=2021-10-19&amp;end=2022-04-10" in text
    assert "<tbody>" not in text


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"start": "2021-13-01", "end": "2021-11-30"}, "Enter a date as YYYY-MM-DD"),
        (
            {"start": "2021-11-30", "end": "2021-11-01"},
            "The last date 2021-11-01 is before the first date 2021-11-30",
        ),
        ({"start": "2021-11-30"}, "nter the last date"),
    ],
)
def test_dates_that_are_wrong_are_said_beside_their_field_and_nothing_typed_is_lost(
    viewer: Client, demo: Demo, query: dict[str, str], sentence: str
) -> None:
    answer = viewer.get(reverse("query", args=["failure-counts"]), query)
    assert answer.status_code == 422
    assert sentence.lower() in answer.content.decode().lower()
    assert f'value="{query["start"]}"' in answer.content.decode()
    assert viewer.get(reverse("query_csv", args=["failure-counts"]), query).status_code == 422


def test_a_query_that_there_is_not_is_404_with_the_names_of_those_there_are(
    viewer: Client, db: None
) -> None:
    for name in ("query", "query_csv"):
        answer = viewer.get(reverse(name, args=["drop-table"]))
        assert answer.status_code == 404
        assert "failure-rates" in answer.content.decode()


def test_a_warehouse_that_cannot_answer_is_one_sentence_on_the_page(
    viewer: Client, demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(self: Query, start: date, end: date) -> Any:
        raise WarehouseBusy("the warehouse is <b>busy</b>")

    monkeypatch.setattr(Query, "rows", busy)
    assert "the warehouse is &lt;b&gt;busy&lt;/b&gt;" in page(viewer, "failure-counts", **DATES)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx"])
def test_a_text_that_a_spreadsheet_would_run_is_quoted_and_a_number_is_not(text: str) -> None:
    assert csv_export.safe(text) == f"'{text}"
    assert (csv_export.safe(-1), csv_export.safe("a=b"), csv_export.safe(None)) == (-1, "a=b", "")
