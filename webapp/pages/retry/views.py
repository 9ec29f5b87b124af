"""Retry of a job, and the jobs of a season with failures to retry."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from backfill.errors import BackcourtError, Refused
from backfill.jobs.confirmation import check_overwrites
from backfill.jobs.retry import retry_job
from backfill.models import Job, SeasonAudit
from backfill.processors.registry import PROCESSORS
from backfill.season_calendar import season_name
from backfill.status import season_failures
from validation.retry import RetryClass
from webapp.auth.permissions import operator_required
from webapp.middleware.errors import refusal, status_of
from webapp.pages.retry.form import SHOWN, RetryForm
from webapp.pages.retry.preview import preview
from webapp.pages.triage.views import season_of
from webapp.ui.query_params import Choice
from webapp.ui.typing import HtmxRequest


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HtmxRequest, pk: int) -> HttpResponseBase:
    """Show the selection and load its plan; POST starts the retry."""
    job = get_object_or_404(Job.objects.select_related("retry_of"), pk=pk)
    if request.method == "POST":
        return _retry(request, job)
    form = RetryForm(request.GET, job)
    if request.htmx:
        return render(request, "retry/_plan.html", _looked(job, form))
    looked = _looked(job, form) if "look" in request.GET else {}
    return _page(request, job, form, looked)


def _looked(job: Job, form: RetryForm) -> dict[str, Any]:
    """Return the context of the plan, or of the refusal."""
    try:
        return {
            "job": job,
            "form": form,
            "looked": preview(job, form),
            "shown": SHOWN,
            "labels": {code: processor.label for code, processor in PROCESSORS.items()},
        }
    except BackcourtError as error:
        return {"job": job, "form": form, "refused": str(error)}


def _page(
    request: HtmxRequest, job: Job, form: RetryForm, looked: dict[str, Any], status: int = 200
) -> HttpResponse:
    context = {"job": job, "form": form, **looked}
    return render(request, "retry/page.html", context, status=status)


@operator_required
def _retry(request: HtmxRequest, job: Job) -> HttpResponse:
    form = RetryForm(request.POST, job)
    try:
        made = retry_job(
            job,
            form.selection(),
            request.user.username,
            form.cleaned_data["reason"],
            previewed=request.POST.get("seal", ""),
            confirm=partial(check_overwrites, number=request.POST.get("overwrites")),
        )
    except Refused as error:
        again = {**_looked(job, form), **refusal(error, "not_started")}
        return _page(request, job, form, again, status_of(error))
    messages.success(request, f"Job {made.pk} retries job {job.pk}.")
    return redirect("job", made.pk)


@require_safe
def season(request: HtmxRequest) -> HttpResponse:
    """Show the jobs of a season with current failures."""
    years = list(SeasonAudit.objects.order_by("-season").values_list("season", flat=True))
    year = (
        season_of(request.GET["season"])
        if request.GET.get("season")
        else (years[0] if years else None)
    )
    context: dict[str, Any] = {
        "seasons": [
            Choice(season_name(each), f"?season={each}", each == year)
            for each in sorted({*years, *([year] if year else [])}, reverse=True)
        ],
        "year": year,
        "season_name": season_name(year) if year else "",
    }
    if request.htmx or "look" in request.GET:
        found = season_failures.of_season(year) if year else []
        context |= {
            "found": found,
            "class_columns": [f"#{each.value.capitalize()}" for each in RetryClass],
            "newest": season_failures.NEWEST,
        }
    return render(request, "retry/_season.html" if request.htmx else "retry/season.html", context)
