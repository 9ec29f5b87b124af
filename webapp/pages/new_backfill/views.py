"""New backfill: the form, its live preview, the start; presets and launches that wait."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect, push_url, replace_url

from backfill.errors import Refused
from backfill.models import Job, Launch, Limits
from backfill.season_calendar import load_calendar
from webapp.auth.permissions import operator_required
from webapp.middleware.errors import status_of
from webapp.pages.new_backfill import date_picks, launches, prefill
from webapp.pages.new_backfill import draft as drafts
from webapp.pages.new_backfill.draft import LaunchDraft
from webapp.pages.new_backfill.form import is_long
from webapp.ui.typing import HtmxRequest


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HtmxRequest) -> HttpResponse:
    """The form and its preview; POST starts what was previewed, or fills in a pick, whose form may
    be too long for a GET.
    """
    if request.method == "POST" and "pick" not in request.POST:
        return start(request)  # type: ignore[return-value]
    calendar, given = load_calendar(), _given(request)
    filled = prefill.prefilled(given, calendar)
    if filled and request.method != "POST" and not is_long(filled):
        return redirect(_address(filled))
    draft = LaunchDraft(
        QueryDict(filled) if filled else prefill.with_dates(given, calendar), request.user
    )
    return push_url(
        render(request, "new_backfill/page.html", _context(request, draft)),
        _address(draft.form.query),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def preview(request: HtmxRequest) -> HttpResponse:
    """What the form would start, as it stands now; reads only, by POST because a list of dates may
    be long.
    """
    draft = LaunchDraft(_given(request), request.user)
    return replace_url(
        render(request, "new_backfill/_preview.html", _shown(request, draft, oob=True)),
        _address(draft.form.query),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def plan(request: HtmxRequest) -> HttpResponse:
    """The plan date by date."""
    given = _given(request)
    draft = LaunchDraft(given, request.user)
    template = "new_backfill/_plan.html" if request.htmx else "new_backfill/plan.html"
    if draft.shown is None:
        raise Refused(draft.nothing)
    return render(
        request,
        template,
        {"draft": draft, "shown": draft.shown, "rows": draft.shown.rows(given.get("page"))},
    )


@operator_required
def start(request: HtmxRequest) -> HttpResponse:
    """Start it, keep it for later, or ask for approval; refused, the page comes again with all that
    was typed.
    """
    draft = LaunchDraft(drafts.posted(request.POST), request.user)
    try:
        made = draft.start(request.POST)
    except Refused as refused:
        return _again(request, draft, refused)
    if isinstance(made, Job):
        return _go(request, reverse("job", args=[made.pk]))
    messages.info(request, drafts.kept_text(made))
    return _go(request, _address(draft.form.query))


@require_POST
@operator_required
def save(request: HtmxRequest) -> HttpResponse:
    """Save the form as a preset."""
    draft = LaunchDraft(drafts.posted(request.POST), request.user)
    try:
        saved = draft.save(request.POST)
    except Refused as refused:
        return _again(request, draft, refused)
    messages.success(request, f"Saved as {saved.name}")
    return _go(request, _address(draft.form.query))


@require_http_methods(["GET", "HEAD", "POST"])
@operator_required
def decide(request: HtmxRequest, pk: int, verb: str) -> HttpResponse:
    """Ask before a launch is approved, refused or withdrawn, with what it would start; then do it."""
    if verb not in launches.QUESTIONS:
        raise Http404(f"{verb!r} is nothing that can be decided")
    kept = get_object_or_404(Launch, pk=pk)
    if request.method == "POST":
        messages.info(
            request, launches.decide(verb, kept, request.user, request.POST.get("why", "").strip())
        )
        return _go(request, reverse("backfill_new"))
    context = launches.question(verb, kept, request.user)
    return render(
        request,
        "new_backfill/_decide.html" if request.htmx else "new_backfill/decide.html",
        context,
    )


def _again(request: HtmxRequest, draft: LaunchDraft, refused: Refused) -> HttpResponse:
    context = {"refused": str(refused)}
    if request.htmx:
        return render(
            request,
            "new_backfill/_preview.html",
            context | _shown(request, draft, oob=True),
            status=status_of(refused),
        )
    return render(
        request,
        "new_backfill/page.html",
        context | _context(request, draft),
        status=status_of(refused),
    )


def _shown(request: HtmxRequest, draft: LaunchDraft, *, oob: bool = False) -> dict[str, Any]:
    picks = date_picks.picks(load_calendar(), draft.form.options)
    here = "" if draft.form.is_long else request.build_absolute_uri(_address(draft.form.query))
    return {
        "draft": draft,
        "form": draft.form,
        "shown": draft.shown,
        "picks": picks,
        "here": here,
        "oob": oob,
    }


def _context(request: HtmxRequest, draft: LaunchDraft) -> dict[str, Any]:
    return {
        **_shown(request, draft),
        "limits": Limits.current(),
        "checks": drafts.CHECKS,
        "presets": launches.presets(request.user),
        "waiting": launches.waiting(request.user),
        "decided": launches.decided(),
    }


def _given(request: HtmxRequest) -> QueryDict:
    return request.POST if request.method == "POST" else request.GET


def _address(query: str) -> str:
    """Where the form is filled in so; without a word of it where no server would take so long an
    address.
    """
    return (
        f"{reverse('backfill_new')}?{query}"
        if query and not is_long(query)
        else reverse("backfill_new")
    )


def _go(request: HtmxRequest, url: str) -> HttpResponse:
    return HttpResponseClientRedirect(url) if request.htmx else redirect(url)
