"""In which condition the system is, and everybody's own tokens."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.timezone import now
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from backfill.jobs.lifecycle import change_limit
from backfill.status import system_health
from webapp.auth.permissions import admin_required
from webapp.models import Token
from webapp.pages import system
from webapp.ui.typing import HtmxRequest


@require_safe
def page(request: HtmxRequest) -> HttpResponse:
    """The system."""
    return render(request, "system/page.html", system.context())


@require_safe
def live(request: HtmxRequest) -> HttpResponse:
    """Workers, sweep and batches, which the page asks for again while a job is under way."""
    return render(request, "system/_live.html", {"live": system_health.live(now())})


@require_POST
@admin_required
def cap(request: HtmxRequest) -> HttpResponse:
    """Change how many batches of all jobs may be in flight. Raises Refused."""
    batches, reason = system.cap_of(request.POST)
    change_limit(batches, request.user.username, reason)
    messages.success(
        request,
        f"At most {batches} batches of all jobs may be in flight now; those above it finish.",
    )
    return redirect("system")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_variables("key")
def tokens(request: HtmxRequest) -> HttpResponse:
    """One's own keys; a new one is shown in the answer to the form, and never again."""
    form = system.TokenForm(request.POST or None)
    name = form.cleaned_data["name"] if form.is_valid() else ""
    key = system.issue(request.user, name) if name else ""
    context = {
        "tokens": Token.objects.filter(user=request.user).order_by("pk"),
        "form": form,
        "key": key,
        "name": name,
    }
    return render(request, "system/tokens.html", context, status=422 if form.errors else 200)


@require_POST
def revoke(request: HtmxRequest, pk: int) -> HttpResponse:
    """Let one of one's own keys be worth nothing."""
    found = Token.objects.filter(pk=pk, user=request.user).first()
    if found is None:
        raise Http404("you have no such token")
    found.delete()
    messages.success(request, f"The key of {found.name} is worth nothing any more.")
    return redirect("tokens")
