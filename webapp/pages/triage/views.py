"""Triage views: list of findings, finding page, marking and season audits."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.utils.timezone import now
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from backfill.audit import marking, source_correction
from backfill.audit.evidence import MOST_ROWS, evidence_of
from backfill.audit.season_summary import SeasonSummary, season_summaries
from backfill.errors import BackcourtError, Refused
from backfill.models import Finding
from backfill.season_calendar import season_name
from backfill.status.attention import attention_items
from validation.findings.kinds import pluralize
from webapp.auth.permissions import operator_required
from webapp.pages.triage import finding as drawing
from webapp.pages.triage import fix as fixing
from webapp.pages.triage.filters import (
    MARKS,
    MEANINGS,
    AuditRequest,
    FindingFilters,
    Marking,
    listing,
    pending_audit,
)
from webapp.ui.seasons import stale_notices
from webapp.ui.tables import page_size
from webapp.ui.typing import HtmxRequest

MARKING = {"marks": MARKS, "meanings": MEANINGS}


@require_safe
def page(request: HtmxRequest) -> HttpResponse:
    """Return the page, or only the list for htmx."""
    context = _context(request)
    refused = context["filters"].refused
    if request.htmx and refused:
        raise Refused(refused)
    template = "triage/_list.html" if request.htmx else "triage/page.html"
    return render(request, template, context, status=422 if refused else 200)


def _context(request: HtmxRequest, **more: Any) -> dict[str, Any]:
    seasons = season_summaries()
    filters = FindingFilters(request.GET, [season.year for season in seasons])
    return {
        "jobs": attention_items(now()),
        "filters": filters,
        "listing": listing(filters, request.GET.get("page", "1"), page_size(request.GET)),
        "seasons": seasons,
        "stale": stale_notices([season.year for season in seasons]),
        "pending_audit": _pending_audit(request, seasons),
        "marking": Marking(),
        **MARKING,
        **more,
    }


def _pending_audit(request: HtmxRequest, seasons: list[SeasonSummary]) -> AuditRequest | None:
    requested_at, year = request.GET.get("asked", ""), request.GET.get("auditing", "")
    return pending_audit(requested_at, year, seasons, now())


@require_POST
@operator_required
def run_audit(request: HtmxRequest) -> HttpResponse:
    """Audit a season in a worker, or in this process if none runs."""
    year, requested_at = season_of(request.POST.get("season", "")), now()
    if marking.audit_now(year):
        messages.success(request, f"Season {season_name(year)} audited.")
        return redirect("triage")
    return redirect(reverse("triage", query={"auditing": year, "asked": requested_at.isoformat()}))


def season_of(text: str) -> int:
    """Parse the first year of a season. Raises Refused."""
    if text.isdecimal() and len(text) == 4 and 1900 < int(text) < 2200:
        return int(text)
    raise Refused(f"invalid season {text[:40]!r}; enter its first year, for example 2021")


@require_POST
@operator_required
def mark(request: HtmxRequest) -> HttpResponse:
    """Mark every selected finding, or none of them."""
    form, chosen = (
        Marking(request.POST),
        [pk for pk in request.POST.getlist("finding") if pk.isdecimal()],
    )
    findings = list(Finding.objects.filter(pk__in=chosen).order_by("pk"))
    if refused := _mark_all(request, form, findings):
        context = _context(request, marking=form, refused=refused, chosen=set(map(int, chosen)))
        return render(request, "triage/page.html", context, status=422)
    messages.success(
        request, f"{pluralize(len(findings), 'finding')} marked {form.cleaned_data['state']}."
    )
    return redirect(reverse("triage", query=request.GET))


def _mark_all(request: HtmxRequest, form: Marking, findings: list[Finding]) -> str:
    """Mark the findings and return an empty text, or return the reason for the refusal."""
    if not form.is_valid():
        return next(str(error) for errors in form.errors.values() for error in errors)
    if not findings:
        return "Select at least one finding with its checkbox."
    try:
        marking.mark_all(
            findings, form.cleaned_data["state"], request.user.username, form.cleaned_data["note"]
        )
    except Refused as error:
        return str(error)
    return ""


@require_http_methods(["GET", "HEAD", "POST"])
def finding(request: HtmxRequest, pk: int) -> HttpResponseBase:
    """Return the page of a finding; a POST marks it."""
    if request.method == "POST":
        return _mark_one(request, pk)
    return _finding(request, pk)


@operator_required
def _mark_one(request: HtmxRequest, pk: int) -> HttpResponse:
    finding, form = get_object_or_404(Finding, pk=pk), Marking(request.POST)
    if refused := _mark_all(request, form, [finding]):
        return _finding(request, pk, marking=form, refused=refused, status=422)
    messages.success(request, f"Marked {form.cleaned_data['state']}.")
    return redirect("finding", pk=pk)


def _finding(request: HtmxRequest, pk: int, status: int = 200, **more: Any) -> HttpResponse:
    finding = get_object_or_404(Finding.objects.select_related("root"), pk=pk)
    context = {
        "finding": finding,
        "numbers": drawing.numbers(finding.numbers),
        "events": finding.events.order_by("-pk"),
        "grid": SimpleLazyObject(partial(drawing.drawn, finding)),
        "marking": Marking(),
        **MARKING,
        "fixing": SimpleLazyObject(partial(fixing.context, finding, request.user)),
        "consequences": finding.consequences.order_by("rank", "first", "pk"),
        "query_url": drawing.query_url(finding),
        **more,
    }
    if "evidence" in request.GET:
        context |= _evidence(finding)
    return render(request, "triage/finding.html", context, status=status)


@require_safe
def source_rows(request: HtmxRequest, pk: int) -> HttpResponse:
    """Return the source rows of a finding as CSV, to correct and load."""
    finding = get_object_or_404(Finding, pk=pk)
    if not finding.evidence.get("rows"):
        raise Refused(f"finding {pk} names no source rows; load its tables and dates")
    name, text = source_correction.as_csv(finding)
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(text, content_type="text/csv; charset=utf-8", headers=headers)


@require_safe
def evidence(request: HtmxRequest, pk: int) -> HttpResponse:
    """Run the stored query of a finding and return its rows."""
    finding = get_object_or_404(Finding, pk=pk)
    return render(request, "triage/_evidence.html", {"finding": finding, **_evidence(finding)})


def _evidence(finding: Finding) -> dict[str, Any]:
    try:
        found = evidence_of(finding)
    except BackcourtError as error:
        return {"evidence_refused": str(error)}
    count = f"First {MOST_ROWS} rows" if found.is_cut else pluralize(len(found.rows), "row")
    return {"evidence": found, "evidence_caption": count}
