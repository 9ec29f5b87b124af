"""New backfill: form, live preview and start; presets and pending launches."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect, push_url, replace_url

from backfill.errors import OverwriteUnconfirmed, Refused
from backfill.models import Job, Launch, Limits
from backfill.season_calendar import load_calendar
from webapp.auth.permissions import operator_required
from webapp.live.middleware import is_poll
from webapp.middleware.errors import refusal, status_of
from webapp.pages.new_backfill import date_picks, launches, prefill
from webapp.pages.new_backfill import draft as drafts
from webapp.pages.new_backfill.draft import LaunchDraft
from webapp.pages.new_backfill.link import is_long
from webapp.ui.tables import page_size
from webapp.ui.typing import HtmxRequest


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HtmxRequest) -> HttpResponse:
    """Show the form and its preview. POST starts the previewed plan, or fills in a pick, whose form
    can be too long for a GET.
    """
    if request.method == "POST" and "pick" not in request.POST:
        return start(request)  # type: ignore[return-value]
    if is_poll(request):  # of the lists below the form
        return render(request, "new_backfill/page.html", _lists(request))
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
    """Show the preview of a form. Read-only; by POST because a list of dates can be long."""
    draft = LaunchDraft(_given(request), request.user)
    return replace_url(
        render(request, "new_backfill/_preview.html", _shown(request, draft, oob=True)),
        _address(draft.form.query),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def plan(request: HtmxRequest) -> HttpResponse:
    """Show the plan by date."""
    given = _given(request)
    draft = LaunchDraft(given, request.user)
    template = "new_backfill/_plan.html" if request.htmx else "new_backfill/plan.html"
    if draft.shown is None:
        raise Refused(draft.nothing)
    size = page_size(request.GET)
    only = {name: request.GET.get(name, "") for name in ("of", "planned")}
    context = {
        "draft": draft,
        "shown": draft.shown,
        "rows": draft.shown.rows(size, given.get("page"), only["of"], only["planned"]),
        "only": " ".join(filter(None, only.values())),
        "plan_query": f"{draft.form.query}&{urlencode(only | {'size': size})}",
    }
    return render(request, template, context)


@operator_required
def start(request: HtmxRequest) -> HttpResponse:
    """Start a backfill, schedule it or request approval. A refusal shows the form again, with all
    input.
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
    messages.success(request, f"Preset {saved.name} saved")
    return _go(request, _address(draft.form.query))


@require_http_methods(["GET", "HEAD", "POST"])
@operator_required
def decide(request: HtmxRequest, pk: int, verb: str) -> HttpResponse:
    """Confirm, then approve, refuse or withdraw a launch."""
    if verb not in launches.QUESTIONS:
        raise Http404(f"{verb!r} is not a decision; use approve, refuse or withdraw")
    kept = get_object_or_404(Launch, pk=pk)
    if request.method == "POST":
        try:
            messages.info(request, launches.decide(verb, kept, request.user, request.POST))
        except OverwriteUnconfirmed as refused:
            return _decision(request, kept, verb, refused)
        return _go(request, reverse("backfill_new"))
    return _decision(request, kept, verb)


def _decision(
    request: HtmxRequest, kept: Launch, verb: str, refused: Refused | None = None
) -> HttpResponse:
    return render(
        request,
        "new_backfill/_decision.html" if request.htmx else "new_backfill/decision.html",
        launches.question(verb, kept, request.user) | (refusal(refused) if refused else {}),
        status=status_of(refused) if refused else 200,
    )


def _again(request: HtmxRequest, draft: LaunchDraft, refused: Refused) -> HttpResponse:
    context = refusal(refused)
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
        **_lists(request),
    }


def _lists(request: HtmxRequest) -> dict[str, Any]:
    return {
        "presets": launches.presets(request.user),
        "waiting": launches.waiting(request.user),
        "decided": launches.decided(),
    }


def _given(request: HtmxRequest) -> QueryDict:
    return request.POST if request.method == "POST" else request.GET


def _address(query: str) -> str:
    """Return the URL of the filled-in form; without its fields if it is too long."""
    return (
        f"{reverse('backfill_new')}?{query}"
        if query and not is_long(query)
        else reverse("backfill_new")
    )


def _go(request: HtmxRequest, url: str) -> HttpResponse:
    return HttpResponseClientRedirect(url) if request.htmx else redirect(url)
