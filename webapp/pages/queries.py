"""A query of the runbook as the page asks and shows it: its dates, its rows, and its text to be run
elsewhere.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from time import perf_counter
from typing import Any

from django import forms
from django.http import QueryDict
from django.urls import reverse

from backfill.errors import BackcourtError
from backfill.queries import Query
from backfill.season_calendar import load_calendar, season_name
from backfill.warehouse.port import Row
from validation.season import Day
from webapp.ui import links
from webapp.ui.form_fields import NOT_A_DATE
from webapp.ui.query_params import Choice

MOST_SHOWN = 1000


class DatesForm(forms.Form):
    """The parameters that every query takes."""

    use_required_attribute = False

    start = forms.DateField(
        label="First date",
        widget=forms.DateInput({"type": "date", "class": "form-control"}, "%Y-%m-%d"),
        error_messages={"invalid": NOT_A_DATE, "required": "name the first date"},
    )
    end = forms.DateField(
        label="Last date, included",
        widget=forms.DateInput({"type": "date", "class": "form-control"}, "%Y-%m-%d"),
        error_messages={"invalid": NOT_A_DATE, "required": "name the last date"},
    )

    def clean(self) -> dict[str, Any]:
        """The dates in order."""
        found = self.cleaned_data
        if "start" in found and "end" in found and found["end"] < found["start"]:
            self.add_error("end", f"the end {found['end']} is before the start {found['start']}")
        return found


@dataclass(frozen=True)
class ResultColumn:
    """A column of the result: what it is called, what sorts by it, and how it is sorted now."""

    name: str
    url: str
    sorted: str
    is_number: bool


@dataclass(frozen=True)
class Answer:
    """What a query has answered, or in one sentence why it could not. A cell is its value, and
    whether its column has numbers.
    """

    headings: tuple[ResultColumn, ...] = ()
    rows: tuple[tuple[tuple[Any, bool], ...], ...] = ()
    count: int = 0
    seconds: float = 0.0
    error: str = ""


def form_of(query: QueryDict) -> DatesForm:
    """The form as it is filled in; where nothing is, with the newest month that has games, and not
    asked yet.
    """
    if query.get("start") or query.get("end"):
        return DatesForm(query)
    newest = months(_newest())
    return DatesForm(initial={"start": newest[-1][0], "end": newest[-1][1]} if newest else {})


def asked(query: Query, form: DatesForm, given: QueryDict) -> dict[str, Any]:
    """The answer and the texts for these dates; nothing of it while they are not named or wrong."""
    if not form.is_valid():
        return {}
    start, end = form.cleaned_data["start"], form.cleaned_data["end"]
    return {"answer": answer(query, start, end, given), **texts(query, start, end)}


def answer(query: Query, start: date, end: date, given: QueryDict) -> Answer:
    """Run it, sort it as the query string says, and keep as many rows as a page shows."""
    began = perf_counter()
    try:
        rows = query.rows(start, end)
    except BackcourtError as error:
        return Answer(seconds=perf_counter() - began, error=str(error))
    seconds = perf_counter() - began
    order = given.get("sort", "")
    shown = ordered(rows, order)[:MOST_SHOWN]
    headings = tuple(_headings(rows, given, order))
    numbers = [heading.is_number for heading in headings]
    cells = tuple(tuple(zip(row.values(), numbers, strict=True)) for row in shown)
    return Answer(headings, cells, len(rows), seconds)


def ordered(rows: Sequence[Row], order: str) -> Sequence[Row]:
    """Rows by a column, turned round by a leading minus, NULL always last; as they came without one
    that there is.
    """
    name = order.removeprefix("-")
    if not rows or name not in rows[0]:
        return rows
    known = sorted(
        (row for row in rows if row[name] is not None),
        key=lambda row: row[name],
        reverse=order.startswith("-"),
    )
    return [*known, *(row for row in rows if row[name] is None)]


def _headings(rows: Sequence[Row], given: QueryDict, order: str) -> Iterator[ResultColumn]:
    for name in rows[0] if rows else ():
        asked = given.copy()
        asked["sort"] = f"-{name}" if order == name else name
        direction = "ascending" if order == name else "descending" if order == f"-{name}" else ""
        is_number = any(isinstance(row[name], int | float | Decimal) for row in rows)
        yield ResultColumn(name, f"?{asked.urlencode()}", direction, is_number)


def texts(query: Query, start: date, end: date) -> dict[str, str]:
    """The query to be run elsewhere: with its dates written in, from a shell, as a download."""
    dates = {"start": start, "end": end}
    return {
        "sql": inlined(query, start, end),
        "bq": f"bq query --use_legacy_sql=false --max_rows=100000 <<'SQL'\n{inlined(query, start, end).rstrip()}\nSQL",
        "shell": f"manage.py query {query.name} --start {start} --end {end}",
        "csv": links.with_query(reverse("query_csv", args=[query.name]), **dates),
    }


def inlined(query: Query, start: date, end: date) -> str:
    """The GoogleSQL with its two dates written in."""
    return query.sql.replace("@start", f"DATE '{start}'").replace("@end", f"DATE '{end}'")


# Dates to choose from


def presets(path: str) -> dict[str, list[Choice]]:
    """Every season that is loaded, and the months of the newest one, as links."""
    seasons = [
        _choice(path, season_name(year), days[0].day, days[-1].day)
        for year in sorted(load_calendar().starts, reverse=True)
        if (days := load_calendar().season(year))
    ]
    return {
        "seasons": seasons,
        "months": [
            _choice(path, f"{first:%b %Y}", first, last) for first, last in months(_newest())
        ],
    }


def _choice(path: str, words: str, start: date, end: date) -> Choice:
    return Choice(words, links.with_query(path, start=start, end=end))


def _newest() -> list[Day]:
    """The processing dates of the newest season; none without one."""
    calendar = load_calendar()
    return calendar.season(max(calendar.starts)) if calendar.starts else []


def months(days: Sequence[Day]) -> list[tuple[date, date]]:
    """The first and the last day of every month that these dates lie in."""
    found = sorted({(day.day.year, day.day.month) for day in days})
    return [
        (date(year, month, 1), date(year, month, monthrange(year, month)[1]))
        for year, month in found
    ]
