"""System page, concurrency limit of all jobs, and API tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.functional import SimpleLazyObject
from django.utils.text import capfirst
from django.utils.timezone import now
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from backfill.errors import Refused
from backfill.jobs.lifecycle import change_limit
from backfill.plan.past_estimates import median_error, past_estimates
from backfill.status import system_health
from webapp.auth.permissions import admin_required
from webapp.live.middleware import is_poll
from webapp.models import Token, User
from webapp.models.token import MOST_DAYS, SCOPES, scope_of
from webapp.ui.query_params import whole
from webapp.ui.typing import HtmxRequest

MOST_TOKENS = 20


def token_days() -> int:
    """Return the default number of days in the form."""
    return int(settings.TOKEN_DAYS)


@require_safe
def page(request: HtmxRequest) -> HttpResponse:
    """Render the System page."""
    return render(request, "system/page.html", live_context() if is_poll(request) else context())


@require_POST
@admin_required
def batch_limit(request: HtmxRequest) -> HttpResponse:
    """Change the concurrency limit of all jobs. Raises Refused."""
    batches, reason = limit_of(request.POST)
    change_limit(batches, request.user.username, reason)
    messages.success(request, f"Concurrency limit of all jobs: {batches}.")
    return redirect("system")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_variables("key")
def tokens(request: HtmxRequest) -> HttpResponse:
    """Render the user's tokens; a new token's key is in the response to the form only."""
    form = TokenForm(request.POST or None)
    name = form.cleaned_data["name"] if form.is_valid() else ""
    key = issue(request.user, form.cleaned_data) if name else ""
    context = {
        "tokens": Token.objects.filter(user=request.user).order_by("pk"),
        "form": form,
        "key": key,
        "name": name,
    }
    return render(request, "system/tokens.html", context, status=422 if form.errors else 200)


@require_POST
def revoke_token(request: HtmxRequest, pk: int) -> HttpResponse:
    """Revoke one of the user's tokens."""
    token = Token.objects.filter(pk=pk, user=request.user).first()
    if token is None:
        raise Http404("no such token; see Your tokens")
    token.revoke(request.user.username)
    messages.success(request, f"Token {token.name} revoked.")
    return redirect("tokens")


@require_POST
def renew_token(request: HtmxRequest, pk: int) -> HttpResponse:
    """Renew one of the user's tokens."""
    token = Token.objects.filter(pk=pk, user=request.user).first()
    if token is None:
        raise Http404("no such token; see Your tokens")
    token.renew(request.user.username)
    messages.success(request, f"Token {token.name} renewed until {token.expires_at:%Y-%m-%d}.")
    return redirect("tokens")


class TokenForm(forms.Form):
    """Form of a new token: name, expiry, scope and dependence on the password."""

    use_required_attribute = False

    name = forms.CharField(
        label="Token name", max_length=80,
        widget=forms.TextInput({"class": "form-control", "autocomplete": "off"}),
        error_messages={"required": "enter a name that identifies the program"},
    )  # fmt: skip
    days = forms.IntegerField(
        label="Expires after (days)", required=False, min_value=1, max_value=MOST_DAYS, initial=token_days,
        widget=forms.NumberInput({"class": "form-control"}),
    )  # fmt: skip
    scope = forms.MultipleChoiceField(
        label="Scope", choices=[(name, capfirst(text)) for name, text in SCOPES.items()],
        required=False, initial=list(SCOPES), widget=forms.CheckboxSelectMultiple({"class": "form-check-input"}),
        help_text="all tokens can read; select nothing for a read-only token",
    )  # fmt: skip
    ends_with_password = forms.BooleanField(label="Revoke when my password changes", required=False)


def context() -> dict[str, Any]:
    """Return the context of the System page."""
    past = past_estimates()
    return {
        **live_context(),
        "redis": system_health.redis(),
        "places": system_health.places(),
        "versions": system_health.versions(),
        "settings": system_health.in_force(),
        "estimates": past,
        "estimate_error": median_error(past),
    }


def live_context() -> dict[str, Any]:
    """Return the context of the parts that change while the page is open."""
    return {
        "live": system_health.live(now()),
        "seasons": SimpleLazyObject(system_health.seasons),
        "events": system_health.events(),
        **system_health.undelivered(),
    }


def limit_of(form: QueryDict) -> tuple[int, str]:
    """Return the concurrency limit and the reason of a form. Raises Refused."""
    reason = form.get("reason", "").strip()
    if not reason:
        raise Refused("enter a reason; it is stored with the change")
    return whole(form.get("batches"), "concurrency limit", 0), reason


def issue(user: User, given: Mapping[str, Any]) -> str:
    """Create a token and return its key. Raises Refused."""
    name = given["name"]
    if Token.objects.filter(user=user, name=name).exists():
        raise Refused(f"you already have a token {name!r}; revoke it or choose another name")
    if Token.objects.filter(user=user).count() >= MOST_TOKENS:
        raise Refused(f"you have {MOST_TOKENS} tokens, the maximum; revoke an unused one")
    return Token.issue(
        user,
        name,
        scope=scope_of(given["scope"]),
        days=given["days"],
        ends_with_password=given["ends_with_password"],
    )[1]
