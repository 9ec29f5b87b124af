"""Who may call what: by token, or by the session of the panel, and then with its CSRF token for
what changes anything.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from ninja.errors import HttpError
from ninja.security.base import AuthBase

from webapp.auth.tokens import user_of_session, user_of_token
from webapp.models import User

SAFE = ("GET", "HEAD", "OPTIONS")


class _Csrf(CsrfViewMiddleware):
    """Django's check as a question; the middleware itself leaves the API out."""

    def _reject(self, request: HttpRequest, reason: str) -> Any:
        return reason


class Allowed(AuthBase):
    """Lets in those whose `flag` is true; without a flag, every user."""

    def __init__(self, flag: str = "", audience: str = "") -> None:
        self.flag, self.audience = flag, audience
        super().__init__()

    def check(self, user: User) -> User:
        """The user, when this is his part. Raises HttpError."""
        if self.flag and not getattr(user, self.flag):
            raise HttpError(403, f"this is for {self.audience}; {user} is {user.role}")
        return user


class TokenAuth(Allowed):
    """`Authorization: Bearer KEY`: no session is asked for or made."""

    openapi_type = "http"
    openapi_scheme = "bearer"

    def __call__(self, request: HttpRequest) -> User | None:
        """The token's user, who is then the request's, too."""
        if (user := user_of_token(request)) is None:
            return None
        request.user = self.check(user)
        return user


class SessionAuth(Allowed):
    """Who is logged in to the panel."""

    openapi_type = "apiKey"
    openapi_in = "cookie"
    openapi_name = "sessionid"

    def __call__(self, request: HttpRequest) -> User | None:
        """The session's user."""
        if (user := user_of_session(request)) is None:
            return None
        if request.method not in SAFE and (reason := _csrf_reason(request)):
            raise HttpError(
                403, f"CSRF: {reason} Send the token of the page as X-CSRFToken, or use a key"
            )
        return self.check(user)


def _csrf_reason(request: HttpRequest) -> str:
    check = _Csrf(_nothing)
    check.process_request(request)
    return str(check.process_view(request, _nothing, (), {}) or "")


def _nothing(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


ANYBODY = [TokenAuth(), SessionAuth()]
OPERATORS = [
    TokenAuth("may_operate", "operators and admins"),
    SessionAuth("may_operate", "operators and admins"),
]
ADMINS = [TokenAuth("may_administer", "admins"), SessionAuth("may_administer", "admins")]


def actor(request: HttpRequest) -> str:
    """Whom the events name."""
    return str(request.user.get_username())
