"""Views of one date: chain, validation, entities, entity report and rerun."""

from __future__ import annotations

from datetime import date

from django.contrib import messages
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from backfill.audit.validate_dates import validate
from backfill.errors import Refused
from backfill.season_calendar import load_calendar
from webapp.auth.permissions import operator_required
from webapp.middleware.errors import refusal, status_of
from webapp.middleware.heavy_reads import heavy_read
from webapp.pages.date import chain as date_chain
from webapp.pages.date import empty_date, rerun
from webapp.pages.date import entities as listed
from webapp.ui.csv_export import as_csv
from webapp.ui.query_params import day as day_of
from webapp.ui.typing import HtmxRequest


@require_safe
def pick(request: HtmxRequest) -> HttpResponse:
    """Redirect to the date of the form, else to the newest date with a run."""
    return redirect(
        "date",
        empty_date.newest() if (day := day_of(request.GET.get("date"), "date")) is None else day,
    )


@require_safe
def malformed(request: HtmxRequest, text: str) -> HttpResponse:
    """Raise Http404 for an invalid date in a URL."""
    raise Http404(f"invalid date {text!r}; enter a date as YYYY-MM-DD")


@require_safe
def page(request: HtmxRequest, day: date) -> HttpResponse:
    code = request.GET.get("processor", "")
    return render(
        request, "date/page.html", date_chain.context(day, listed.known(code) if code else "")
    )


@require_safe
def validation(request: HtmxRequest, day: date) -> HttpResponse:
    """Return the result of `manage.py validate_pipeline DATE --verbose`."""
    context = {
        "day": load_calendar().day(day),
        "validations": [*validate(day, day, 3), *validate(day, day, 4)],
    }
    return render(
        request, "date/_validation.html" if request.htmx else "date/validation.html", context
    )


@require_safe
def entities(request: HtmxRequest, day: date, code: str) -> HttpResponse:
    """Return one page of a processor's entities."""
    context = listed.context(_processed(day), listed.known(code), request.GET)
    return render(request, "date/_entities.html" if request.htmx else "date/entities.html", context)


@require_safe
@heavy_read
def download(request: HtmxRequest, day: date, code: str) -> StreamingHttpResponse:
    """Return every matching entity as CSV."""
    rows = listed.csv_rows(
        _processed(day), listed.known(code), listed.EntityFilters.of(request.GET)
    )
    return as_csv(f"{code}-{day}", listed.CSV, rows)


@require_safe
def entity(request: HtmxRequest, day: date, code: str, name: str) -> HttpResponse:
    """Return the report of one entity, as a page or as a dialog."""
    report = listed.report_of(day, listed.known(code), name)
    context = listed.entity_context(report, request.GET)
    return render(
        request,
        "date/_entity.html" if request.htmx.target == "dialog" else "date/entity.html",
        context,
    )


@require_safe
def neighbors(request: HtmxRequest, day: date, code: str, name: str) -> HttpResponse:
    """Return the links to the previous and next entity of the filtered list."""
    return render(
        request,
        "date/_neighbors.html",
        listed.neighbors(_processed(day), listed.known(code), name, request.GET),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@operator_required
def run(request: HtmxRequest, day: date, code: str) -> HttpResponse:
    """Show the effects of a rerun of one processor; a POST starts it."""
    chosen = rerun.Rerun(day, listed.known(code), after=request.GET.get("with") == rerun.AFTER)
    form = rerun.RunForm(request.POST if request.method == "POST" else None)
    if request.method != "POST" or not form.is_valid():
        return _confirm(request, chosen, form)
    try:
        job = chosen.start(
            request.user.username,
            form.cleaned_data["reason"],
            request.POST.get("seal", ""),
            request.POST.get("overwrites"),
        )
    except Refused as error:
        return _confirm(request, chosen, form, error)
    messages.success(request, f"Job {job.pk} runs {', '.join(chosen.codes)} for {day}.")
    return redirect("job", job.pk)


def _confirm(
    request: HtmxRequest, chosen: rerun.Rerun, form: rerun.RunForm, refused: Refused | None = None
) -> HttpResponse:
    context = rerun.context(chosen, form) | (refusal(refused) if refused else {})
    status = status_of(refused) if refused else 422 if form.errors else 200
    return render(
        request,
        "date/_run.html" if request.htmx.target == "dialog" else "date/run.html",
        context,
        status=status,
    )


def _processed(day: date) -> date:
    """Return the date if it is processed. Raises Http404 otherwise."""
    typed = load_calendar().day(day)
    if not typed.is_computed:
        raise Http404(f"{day} has no entities: {typed.why_skipped}; see its date page")
    return day
