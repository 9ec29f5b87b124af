"""Every job, the newest first."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.timezone import now
from django.views.decorators.http import require_safe

from webapp.pages.job.job_list import JobFilters, choices, listed
from webapp.ui.typing import HtmxRequest


@require_safe
def page(request: HtmxRequest) -> HttpResponse:
    """The list with its filters."""
    asked = JobFilters.parsed(request.GET)
    return render(request, "job/list.html", {**listed(asked, now()), **choices()})


@require_safe
def rows(request: HtmxRequest) -> HttpResponse:
    """The list alone, while something in it is under way; 204 when nothing of it has changed."""
    found = listed(JobFilters.parsed(request.GET), now())
    if request.GET.get("seen") == found["seen"] and found["every"]:
        return HttpResponse(status=204)
    return render(request, "job/_list.html", found)
