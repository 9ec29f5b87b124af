"""Every table of a season by date: what is there, what lacks."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from webapp.pages import coverage
from webapp.ui.typing import HtmxRequest


@require_safe
def page(request: HtmxRequest) -> HttpResponse:
    """The coverage of one season, and of one of its tables date by date."""
    return render(request, "coverage/page.html", coverage.context(request.GET))
