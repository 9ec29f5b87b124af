"""One job: what it is, how far, what went wrong, what happened."""

from __future__ import annotations

from datetime import date

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.timezone import now
from django.views.decorators.http import require_safe

from backfill.models import Job, Run
from webapp.pages.job import live as live_part
from webapp.pages.job import page as job_page
from webapp.ui.typing import HtmxRequest


@require_safe
def page(request: HtmxRequest, number: int) -> HttpResponse:
    """The whole page."""
    job = get_object_or_404(Job.objects.select_related("retry_of"), pk=number)
    found = job_page.page(
        job, request.user, request.GET.get("page", ""), request.GET.get("runs", "")
    )
    return render(request, "job/page.html", found)


@require_safe
def live(request: HtmxRequest, number: int) -> HttpResponse:
    """What has changed since the browser asked; 204 when nothing has."""
    seen = request.GET.get("seen", "")
    changes = live_part.answer(get_object_or_404(Job, pk=number), request.user, seen, now())
    return HttpResponse(changes, status=200 if changes else 204)


@require_safe
def events(request: HtmxRequest, number: int) -> HttpResponse:
    """A page of its events."""
    job = get_object_or_404(Job, pk=number)
    found = job_page.event_page(job, request.GET.get("page", ""), request.GET.get("runs", ""))
    return render(
        request, "job/_events.html" if request.htmx else "job/events.html", {"job": job, **found}
    )


@require_safe
def groups(request: HtmxRequest, number: int) -> HttpResponse:
    """Its error groups, which are read from the warehouse."""
    job = get_object_or_404(Job, pk=number)
    return render(
        request,
        "job/_groups.html" if request.htmx else "job/groups.html",
        job_page.groups(job, request.user),
    )


@require_safe
def run(request: HtmxRequest, number: int, processor: str, day: date) -> HttpResponse:
    """One run of it, with its reason."""
    found = get_object_or_404(
        Run.objects.select_related("job"), job=number, processor=processor, date=day
    )
    return render(request, "job/run.html", job_page.run_page(found))
