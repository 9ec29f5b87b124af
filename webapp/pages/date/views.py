"""One date: the chain of five, its categories, its entities, and the story of one of them."""

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
from webapp.middleware.errors import status_of
from webapp.pages.date import chain as date_chain
from webapp.pages.date import empty_date, rerun
from webapp.pages.date import entities as listed
from webapp.ui.csv_export import as_csv
from webapp.ui.query_params import day as day_of
from webapp.ui.typing import HtmxRequest


@require_safe
def pick(request: HtmxRequest) -> HttpResponse:
    """The date that a form names, else the newest that was run."""
    return redirect(
        "date",
        empty_date.newest() if (day := day_of(request.GET.get("date"), "date")) is None else day,
    )


@require_safe
def malformed(request: HtmxRequest, text: str) -> HttpResponse:
    """What is no date."""
    raise Http404(f"{text!r} is no date; write it as 2021-11-22")


@require_safe
def page(request: HtmxRequest, day: date) -> HttpResponse:
    """The date page."""
    code = request.GET.get("processor", "")
    return render(
        request, "date/page.html", date_chain.context(day, listed.known(code) if code else "")
    )


@require_safe
def chain(request: HtmxRequest, day: date) -> HttpResponse:
    """The five as they stand now; 204 when that is what the browser shows already."""
    typed = load_calendar().day(day)
    found = date_chain.chain_context(date_chain.chain(typed) if typed.is_processing else [])
    if request.GET.get("seen") == found["version"]:
        return HttpResponse(status=204)
    return render(
        request,
        "date/_chain.html",
        {"day": typed, "code": request.GET.get("processor", ""), **found},
    )


@require_safe
def validation(request: HtmxRequest, day: date) -> HttpResponse:
    """What `manage.py validate_pipeline DATE --verbose` says of it."""
    found = {
        "day": load_calendar().day(day),
        "checked": [*validate(day, day, 3), *validate(day, day, 4)],
    }
    return render(
        request, "date/_validation.html" if request.htmx else "date/validation.html", found
    )


@require_safe
def entities(request: HtmxRequest, day: date, code: str) -> HttpResponse:
    """A page of the entities of one processor."""
    found = listed.context(_processed(day), listed.known(code), request.GET)
    return render(request, "date/_entities.html" if request.htmx else "date/entities.html", found)


@require_safe
def download(request: HtmxRequest, day: date, code: str) -> StreamingHttpResponse:
    """All of them as a file."""
    rows = listed.csv_rows(
        _processed(day), listed.known(code), listed.EntityFilters.of(request.GET)
    )
    return as_csv(f"{code}-{day}", listed.CSV, rows)


@require_safe
def story(request: HtmxRequest, day: date, code: str, name: str) -> HttpResponse:
    """One entity on the date, as a page or as a dialog."""
    found = listed.entity_context(listed.told(day, listed.known(code), name), request.GET)
    return render(
        request,
        "date/_story.html" if request.htmx.target == "dialog" else "date/story.html",
        found,
    )


@require_safe
def beside(request: HtmxRequest, day: date, code: str, name: str) -> HttpResponse:
    """Who stands before and after an entity in the list that it was opened from."""
    return render(
        request,
        "date/_beside.html",
        listed.neighbours(_processed(day), listed.known(code), name, request.GET),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@operator_required
def run(request: HtmxRequest, day: date, code: str) -> HttpResponse:
    """Run one processor for the date again: asked first with what is replaced, done by POST."""
    asked = rerun.Rerun(day, listed.known(code), after=request.GET.get("with") == rerun.AFTER)
    form = rerun.RunForm(request.POST if request.method == "POST" else None)
    if request.method != "POST" or not form.is_valid():
        return _ask(request, asked, form)
    try:
        job = asked.start(
            request.user.username, form.cleaned_data["reason"], request.POST.get("seal", "")
        )
    except Refused as error:
        return _ask(request, asked, form, error)
    messages.success(request, f"Job {job.pk} runs {', '.join(asked.codes)} for {day}.")
    return redirect("job", job.pk)


def _ask(
    request: HtmxRequest, asked: rerun.Rerun, form: rerun.RunForm, refused: Refused | None = None
) -> HttpResponse:
    context = rerun.context(asked, form, str(refused or ""))
    status = status_of(refused) if refused else 422 if form.errors else 200
    return render(
        request,
        "date/_run.html" if request.htmx.target == "dialog" else "date/run.html",
        context,
        status=status,
    )


def _processed(day: date) -> date:
    """A date that is processed. Raises Http404 for another one."""
    typed = load_calendar().day(day)
    if not typed.is_computed:
        raise Http404(f"{day} has no entities: {typed.why_skipped}; its own page says what it is")
    return day
