"""Views of a job: page, live part, events, error groups."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from backfill.models import Job
from webapp.pages.job import page as job_page
from webapp.ui.query_params import year
from webapp.ui.typing import HtmxRequest


@require_safe
def page(request: HtmxRequest, number: int) -> HttpResponse:
    """Render the page of a job."""
    job = get_object_or_404(Job.objects.select_related("retry_of"), pk=number)
    if request.htmx and job_page.TABLE in request.GET:
        return render(request, "job/_state_table.html", job_page.table(job, _season(request)))
    return render(request, "job/page.html", job_page.page(job, request, _season(request)))


@require_safe
def events(request: HtmxRequest, number: int) -> HttpResponse:
    """Render a page of the job's events."""
    job = get_object_or_404(Job, pk=number)
    found = job_page.event_page(job, request.GET)
    return render(
        request, "job/_events.html" if request.htmx else "job/events.html", {"job": job, **found}
    )


@require_safe
def groups(request: HtmxRequest, number: int) -> HttpResponse:
    """Render the error groups, which need a warehouse query."""
    job = get_object_or_404(Job, pk=number)
    return render(
        request,
        "job/_groups.html" if request.htmx else "job/groups.html",
        job_page.groups(job, request.user),
    )


def _season(request: HtmxRequest) -> int:
    """Return the season of the grid; 0 for the default. Raises Refused."""
    return year(request.GET.get("season")) or 0
