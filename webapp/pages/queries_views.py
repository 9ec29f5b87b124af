"""The runbook's queries, to be run and read here."""

from __future__ import annotations

from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from backfill import queries
from backfill.errors import Refused
from webapp.pages import queries as query_page
from webapp.ui.csv_export import as_csv
from webapp.ui.typing import HtmxRequest


def _named(name: str) -> queries.Query:
    try:
        return queries.named(name)
    except Refused as error:
        raise Http404(str(error)) from error


@require_safe
def page(request: HtmxRequest) -> HttpResponse:
    """All of them."""
    return render(
        request, "queries/page.html", {"queries": [queries.named(name) for name in queries.names()]}
    )


@require_safe
def query(request: HtmxRequest, name: str) -> HttpResponse:
    """One of them, with what it answers for the dates of the query string."""
    found, form = _named(name), query_page.form_of(request.GET)
    context = {
        "query": found,
        "form": form,
        "most": query_page.MOST_SHOWN,
        **query_page.presets(reverse("query", args=[name])),
    }
    context |= query_page.asked(found, form, request.GET)
    return render(request, "queries/query.html", context, status=422 if form.errors else 200)


@require_safe
def download(request: HtmxRequest, name: str) -> StreamingHttpResponse:
    """All rows of one of them as a file. Raises Refused."""
    found, form = _named(name), query_page.DatesForm(request.GET)
    if not form.is_valid():
        raise Refused(
            "; ".join(
                sentence for sentences in form.errors.values() for sentence in map(str, sentences)
            )
        )
    dates = form.cleaned_data["start"], form.cleaned_data["end"]
    rows = found.rows(*dates)
    return as_csv(
        f"{name}-{dates[0]}-{dates[1]}",
        list(rows[0]) if rows else [],
        (tuple(row.values()) for row in rows),
    )
