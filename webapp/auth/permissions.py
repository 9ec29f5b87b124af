"""Permissions: every page needs a login, every change needs a role."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseBase
from django.shortcuts import render
from django_htmx.http import reswap, retarget

from webapp.live.middleware import is_poll
from webapp.ui.typing import HtmxRequest

View = Callable[..., HttpResponseBase]
OPERATORS_ONLY = "operators only"


def role_required(flag: str, audience: str) -> Callable[[View], View]:
    """Require a user whose `flag` is true. Raises PermissionDenied with the required role."""

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(request: HtmxRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not getattr(request.user, flag, False):
                raise PermissionDenied(
                    f"only {audience} can do this; you are logged in as {request.user}, {request.user.role}"
                )
            return view(request, *args, **kwargs)

        checked.needs = flag  # type: ignore[attr-defined]
        return checked

    return decorate


operator_required = role_required("may_operate", "operators and admins")
admin_required = role_required("may_administer", "admins")


class LoginRequired(LoginRequiredMiddleware):
    """Require a login; a page whose session has ended keeps its input and shows a login link."""

    def handle_no_permission(self, request: HtmxRequest, view_func: View) -> HttpResponseBase:  # type: ignore[override]
        """Redirect a page to the login and back; answer a fragment with a link to the login."""
        if not request.htmx and not is_poll(request):
            return super().handle_no_permission(request, view_func)
        return reswap(
            retarget(render(request, "errors/_logged_out.html", status=401), "#alerts"), "innerHTML"
        )
