"""Views of the failure rates: page, and entities of a range."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from webapp.pages.rates.content import RatePage
from webapp.ui.tables import page_size, paginate
from webapp.ui.typing import HtmxRequest


@require_safe
def page(request: HtmxRequest) -> HttpResponse:
    """Render the chart, and the results, categories and dates of the selected range."""
    chosen = RatePage.of(request)
    rows = paginate(chosen.rows, page_size(request.GET), request.GET.get("page"))
    return render(request, "rates/page.html", {"chosen": chosen, "rows": rows})


@require_safe
def entities(request: HtmxRequest) -> HttpResponse:
    """Render the entities that failed in the selected range."""
    chosen = RatePage.of(request)
    rows = paginate(chosen.entities, page_size(request.GET), request.GET.get("page"))
    context = {
        "chosen": chosen,
        "entities": rows,
        "failures": sum(r.count for r in chosen.entities),
    }
    template = "rates/_entities.html" if request.htmx else "rates/entities.html"
    return render(request, template, context)
