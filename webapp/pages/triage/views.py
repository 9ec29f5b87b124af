"""What there is to look at, worst first; and one of it with its evidence and what somebody made of
it.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.timezone import now
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh

from backfill.audit import marking
from backfill.audit.evidence_rows import MOST_ROWS, evidence_of, is_missing
from backfill.audit.season_summary import season_summaries
from backfill.errors import BackcourtError, Refused
from backfill.models import Finding
from backfill.status.attention import attention_items
from validation.findings.kinds import pluralize
from webapp.auth.permissions import operator_required
from webapp.pages.triage import finding as drawing
from webapp.pages.triage.filters import (
    MARKS,
    MEANINGS,
    FindingFilters,
    Marking,
    action_words,
    listing,
    needs_phase3,
    pending_requests,
)
from webapp.ui.typing import HtmxRequest

MARKING = {"marks": MARKS, "meanings": MEANINGS}


@require_safe
def page(request: HtmxRequest) -> HttpResponse:
    """The list; its fragment is the list alone."""
    listed = _listed(request)
    refused = listed["filters"].refused
    if request.htmx and refused:
        raise Refused(refused)
    template = "triage/_list.html" if request.htmx else "triage/page.html"
    return render(request, template, listed, status=422 if refused else 200)


def _listed(request: HtmxRequest, **more: Any) -> dict[str, Any]:
    found = season_summaries()
    filters = FindingFilters(request.GET, [promise.year for promise in found])
    listed = listing(filters, request.GET.get("page", "1"))
    asked = pending_requests(
        request.GET.get("asked", ""), request.GET.get("judging", ""), found, now()
    )
    given = {
        "filters": filters,
        "listing": listed,
        "promises": found,
        "asked": asked,
        "marking": Marking(),
    }
    return {"jobs": attention_items(now()), **given, **MARKING, **more}


@require_safe
def judged(request: HtmxRequest) -> HttpResponse:
    """Whether the season that somebody has asked for is judged: nothing while it is not, then the
    whole page anew.
    """
    found = season_summaries()
    asked = pending_requests(
        request.GET.get("asked", ""), request.GET.get("judging", ""), found, now()
    )
    if asked and not asked.is_late:
        return HttpResponse(status=204)
    return HttpResponseClientRefresh()


@require_POST
@operator_required
def judge(request: HtmxRequest) -> HttpResponse:
    """Judge a season now, by a worker or here."""
    year, asked = season_of(request.POST.get("season", "")), now()
    if marking.audit_now(year):
        messages.success(request, f"The season that began in {year} has been judged.")
        return redirect("triage")
    return redirect(reverse("triage", query={"judging": year, "asked": asked.isoformat()}))


def season_of(text: str) -> int:
    """A season by the year in which it began. Raises Refused."""
    if text.isdecimal() and 1900 < int(text) < 2200:
        return int(text)
    raise Refused(
        f"{text[:40]!r} is no season; it is named by the year in which it began, for example 2021"
    )


@require_POST
@operator_required
def mark(request: HtmxRequest) -> HttpResponse:
    """Mark all that are ticked on the list, or none of them."""
    form, chosen = (
        Marking(request.POST),
        [pk for pk in request.POST.getlist("finding") if pk.isdecimal()],
    )
    found = list(Finding.objects.filter(pk__in=chosen).order_by("pk"))
    if refused := _refused(request, form, found):
        again = _listed(request, marking=form, refused=refused, chosen=set(map(int, chosen)))
        return render(request, "triage/page.html", again, status=422)
    messages.success(
        request, f"{pluralize(len(found), 'finding')} marked {form.cleaned_data['state']}."
    )
    return redirect(reverse("triage", query=request.GET))


def _refused(request: HtmxRequest, form: Marking, found: list[Finding]) -> str:
    """Mark them; or the sentence why that cannot be."""
    if not form.is_valid():
        return next(str(error) for errors in form.errors.values() for error in errors)
    if not found:
        return "tick at least one finding"
    try:
        marking.mark_all(
            found, form.cleaned_data["state"], request.user.username, form.cleaned_data["note"]
        )
    except Refused as error:
        return str(error)
    return ""


@require_http_methods(["GET", "HEAD", "POST"])
def finding(request: HtmxRequest, pk: int) -> HttpResponseBase:
    """One Finding; a POST marks it."""
    if request.method == "POST":
        return _mark_one(request, pk)
    return _finding(request, pk)


@operator_required
def _mark_one(request: HtmxRequest, pk: int) -> HttpResponse:
    found, form = get_object_or_404(Finding, pk=pk), Marking(request.POST)
    if refused := _refused(request, form, [found]):
        return _finding(request, pk, marking=form, refused=refused, status=422)
    messages.success(request, f"Marked {form.cleaned_data['state']}.")
    return redirect("finding", pk=pk)


def _finding(request: HtmxRequest, pk: int, status: int = 200, **more: Any) -> HttpResponse:
    found = get_object_or_404(Finding, pk=pk)
    context = {
        "finding": found,
        "numbers": drawing.numbers(found.numbers),
        "retries": drawing.retries(found),
        "events": found.events.order_by("-pk"),
        "grid": drawing.drawn(found),
        "marking": Marking(),
        **MARKING,
        "lacks_phase3": needs_phase3(found) and is_missing(found),
        "action_words": action_words(found.action),
        "query_url": drawing.query_url(found),
        **more,
    }
    if "evidence" in request.GET:
        context |= _evidence(found)
    return render(request, "triage/finding.html", context, status=status)


@require_safe
def evidence(request: HtmxRequest, pk: int) -> HttpResponse:
    """The rows behind a Finding, by its own stored query."""
    found = get_object_or_404(Finding, pk=pk)
    return render(request, "triage/_evidence.html", {"finding": found, **_evidence(found)})


def _evidence(found: Finding) -> dict[str, Any]:
    try:
        return {"evidence": evidence_of(found), "most_rows": MOST_ROWS}
    except BackcourtError as error:
        return {"evidence_refused": str(error)}
