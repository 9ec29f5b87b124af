"""Every run of every job."""

from __future__ import annotations

from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from webapp.pages import runs
from webapp.ui.csv_export import as_csv
from webapp.ui.typing import HtmxRequest


@require_safe
def page(request: HtmxRequest) -> HttpResponse:
    """One page of the runs that the filters leave."""
    return render(request, "runs/page.html", runs.context(request.GET))


@require_safe
def download(request: HtmxRequest) -> StreamingHttpResponse:
    """All of them as a file."""
    search, order = runs.search_of(request.GET), runs.order_of(request.GET)
    return as_csv(runs.file_name(search), runs.CSV, runs.csv_rows(search, order))
