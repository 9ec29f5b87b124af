"""Failure rates by season week and by date, against the band and against what must fail."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from webapp.pages.rates import RateFilters
from webapp.ui.typing import HtmxRequest


@require_safe
def page(request: HtmxRequest) -> HttpResponse:
    """The chart, the guidance beside it, and the same numbers as a table."""
    return render(request, "rates/page.html", {"chosen": RateFilters.of(request)})
