"""Queries page: dates, rows, CSV download, and the texts to run a query in a shell or BigQuery."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from time import perf_counter
from typing import Any

from django import forms
from django.http import Http404, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from backfill import queries
from backfill.errors import BackcourtError, Refused
from backfill.queries import Query
from backfill.season_calendar import load_calendar, season_name
from backfill.warehouse.port import Row
from validation.season import Day
from webapp.middleware.heavy_reads import heavy_read
from webapp.ui import links
from webapp.ui.csv_export import as_csv
from webapp.ui.form_fields import ISO, ISO_INPUT, NOT_A_DATE
from webapp.ui.query_params import Choice, reversed_dates
from webapp.ui.tables import ListColumn, Pager, page_size, paginate
from webapp.ui.typing import HtmxRequest

BQ = "bq query --use_legacy_sql=false --max_rows=100000"


def _named(name: str) -> queries.Query:
    try:
        return queries.named(name)
    except Refused as error:
        raise Http404(str(error)) from error


@require_safe
def page(request: HtmxRequest) -> HttpResponse:
    return render(
        request, "queries/page.html", {"queries": [queries.named(name) for name in queries.names()]}
    )


@require_safe
def query(request: HtmxRequest, name: str) -> HttpResponse:
    """Render a query with its rows for the dates of the query string."""
    found, form = _named(name), form_of(request.GET)
    context = {
        "query": found,
        "form": form,
        **presets(reverse("query", args=[name])),
    }
    context |= result_context(found, form, request.GET)
    return render(request, "queries/query.html", context, status=422 if form.errors else 200)


@require_safe
@heavy_read
def download(request: HtmxRequest, name: str) -> StreamingHttpResponse:
    """Stream all rows of a query as CSV. Raises Refused."""
    found, form = _named(name), DatesForm(request.GET)
    if not form.is_valid():
        raise Refused("; ".join(str(error) for errors in form.errors.values() for error in errors))
    dates = form.cleaned_data["start"], form.cleaned_data["end"]
    rows = found.rows(*dates)
    return as_csv(
        f"{name}-{dates[0]}-{dates[1]}",
        list(rows[0]) if rows else [],
        (tuple(row.values()) for row in rows),
    )


class DatesForm(forms.Form):
    """First and last date of a query."""

    use_required_attribute = False

    start = forms.DateField(
        label="First date",
        widget=forms.DateInput(ISO_INPUT, ISO),
        error_messages={"invalid": NOT_A_DATE, "required": "enter the first date"},
    )
    end = forms.DateField(
        label="Last date",
        widget=forms.DateInput(ISO_INPUT, ISO),
        error_messages={"invalid": NOT_A_DATE, "required": "enter the last date"},
    )

    def clean(self) -> dict[str, Any]:
        """Reject an end before the start."""
        start, end = self.cleaned_data.get("start"), self.cleaned_data.get("end")
        if error := reversed_dates(start, end):
            self.add_error("end", error)
        return self.cleaned_data


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A page of a query's result, or its error message. A cell is (value, whether its column is
    numeric).
    """

    columns: tuple[ListColumn, ...] = ()
    order: str = ""
    rows: tuple[tuple[tuple[Any, bool], ...], ...] = ()
    pager: Pager | None = None
    count: int = 0
    seconds: float = 0.0
    error: str = ""


def form_of(query: QueryDict) -> DatesForm:
    """Return the form bound to the query string; without dates, an unbound form with the newest
    month that has games.
    """
    if query.get("start") or query.get("end"):
        return DatesForm(query)
    newest = months(_newest())
    return DatesForm(initial={"start": newest[-1][0], "end": newest[-1][1]} if newest else {})


def result_context(query: Query, form: DatesForm, given: QueryDict) -> dict[str, Any]:
    """Return the result and the texts for the dates; empty for missing or invalid dates."""
    if not form.is_valid():
        return {}
    start, end = form.cleaned_data["start"], form.cleaned_data["end"]
    return {"answer": answer(query, start, end, given), **texts(query, start, end)}


def answer(query: Query, start: date, end: date, given: QueryDict) -> Answer:
    """Run the query and return its rows of one page, in the order of the query string."""
    began = perf_counter()
    try:
        rows = query.rows(start, end)
    except BackcourtError as error:
        return Answer(seconds=perf_counter() - began, error=str(error))
    seconds = perf_counter() - began
    order = given.get("sort", "")
    shown = paginate(ordered(rows, order), page_size(given), given.get("page"))
    columns = tuple(_columns(rows))
    numbers = [column.numeric for column in columns]
    cells = tuple(tuple(zip(row.values(), numbers, strict=True)) for row in shown)
    return Answer(
        columns=columns,
        order=order,
        rows=cells,
        pager=Pager.of(shown),
        count=len(rows),
        seconds=seconds,
    )


def ordered(rows: Sequence[Row], order: str) -> Sequence[Row]:
    """Sort rows by a column, descending with a leading minus, NULL last; an unknown column keeps
    the query's order.
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


def _columns(rows: Sequence[Row]) -> Iterator[ListColumn]:
    for name in rows[0] if rows else ():
        numeric = any(isinstance(row[name], int | float | Decimal) for row in rows)
        yield ListColumn(heading=name, order=name, numeric=numeric)


def texts(query: Query, start: date, end: date) -> dict[str, str]:
    """Return the query as SQL, as `bq` and shell commands, and as the URL of its CSV."""
    dates = {"start": start, "end": end}
    return {
        "sql": inlined(query, start, end),
        "bq": f"{BQ} <<'SQL'\n{inlined(query, start, end).rstrip()}\nSQL",
        "shell": f"manage.py query {query.name} --start {start} --end {end}",
        "csv": links.with_query(reverse("query_csv", args=[query.name]), **dates),
    }


def inlined(query: Query, start: date, end: date) -> str:
    """Return the GoogleSQL with its two parameters replaced by dates."""
    return query.sql.replace("@start", f"DATE '{start}'").replace("@end", f"DATE '{end}'")


# Preset dates


def presets(path: str) -> dict[str, list[Choice]]:
    """Return links to every loaded season and to the months of the newest one."""
    seasons = [
        _choice(path, season_name(year), days[0].day, days[-1].day)
        for year in sorted(load_calendar().starts, reverse=True)
        if (days := load_calendar().season(year))
    ]
    return {
        "seasons": seasons,
        "months": [
            _choice(path, f"{first:%Y-%m}", first, last) for first, last in months(_newest())
        ],
    }


def _choice(path: str, words: str, start: date, end: date) -> Choice:
    return Choice(words, links.with_query(path, start=start, end=end))


def _newest() -> list[Day]:
    """Return the dates of the newest season; empty if none is loaded."""
    calendar = load_calendar()
    return calendar.season(max(calendar.starts)) if calendar.starts else []


def months(days: Sequence[Day]) -> list[tuple[date, date]]:
    """Return the first and the last day of each month of the dates."""
    found = sorted({(day.day.year, day.day.month) for day in days})
    return [
        (date(year, month, 1), date(year, month, monthrange(year, month)[1]))
        for year, month in found
    ]
