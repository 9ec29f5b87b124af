"""Login and password pages."""

from __future__ import annotations

from datetime import datetime
from math import ceil
from typing import Any

from django.contrib.auth import views as auth
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.utils.timezone import now

from backfill.elapsed import seconds_between
from webapp.auth import sources, throttle
from webapp.models import AccessEvent

Action = AccessEvent.Action


class LoginForm(AuthenticationForm):
    """Login form that checks the password only if no delay refuses the attempt."""

    refused_until: datetime | None = None

    def clean(self) -> dict[str, Any]:
        """Count the attempt, then check the password."""
        if self.request and self.name and self.cleaned_data.get("password"):
            self.refused_until = throttle.admit(self.request, self.name)
            if self.refused_until:
                raise ValidationError("too many failed logins")
        return super().clean()

    @property
    def name(self) -> str:
        """Return the entered name; empty if it is invalid."""
        return str(self.cleaned_data.get("username") or "")


class LoginView(auth.LoginView):
    """Login page, with delays after failures and entries in the access log."""

    template_name = "login/page.html"
    redirect_authenticated_user = True
    authentication_form = LoginForm

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Log in and remember the device."""
        user: Any = form.get_user()
        throttle.succeeded(self.request, user.get_username())
        response = super().form_valid(form)
        sources.remember_device(self.request, response, user)
        self._record(Action.LOGIN, user.get_username())
        AccessEvent.prune()
        return response

    def form_invalid(self, form: Any) -> HttpResponse:
        """Render the form again, with the delay if there is one."""
        if until := form.refused_until:
            return self._delayed(form, until)
        if not form.name or not form.cleaned_data.get("password"):
            return super().form_invalid(form)
        self._record(Action.LOGIN_FAILED, form.name)
        if until := throttle.delayed_until(self.request, form.name):
            self._record(Action.LOCKED, form.name, f"until {until:%Y-%m-%d %H:%M:%S} UTC")
            return self._delayed(form, until)
        return super().form_invalid(form)

    def _record(self, action: str, name: str, detail: str = "") -> None:
        AccessEvent.record(
            action, name, address=sources.client_address(self.request), detail=detail
        )

    def _delayed(self, form: AuthenticationForm, until: datetime) -> HttpResponse:
        seconds = max(1, ceil(seconds_between(now(), until)))
        response = self.render_to_response(self.get_context_data(form=form, seconds=seconds))
        response.status_code = 429
        response["Retry-After"] = str(seconds)
        return response
