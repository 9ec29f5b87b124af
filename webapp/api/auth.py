"""API authentication: a token, or the panel's session with a CSRF token for every change."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from ninja.errors import HttpError
from ninja.security.base import AuthBase

from webapp.auth.tokens import token_of, user_of_session
from webapp.models import Token, User

SAFE = ("GET", "HEAD", "OPTIONS")


class _Csrf(CsrfViewMiddleware):
    """Django's CSRF check, returning its reason; the middleware exempts the API."""

    def _reject(self, request: HttpRequest, reason: str) -> Any:
        return reason


class MissingScope(HttpError):
    """The scope of the token does not include the operation."""

    def __init__(self, token: Token, scope: str) -> None:
        self.scope = scope
        super().__init__(
            403,
            f"token {token.name} has the scope {token.scope}; this needs the scope {scope}: "
            "create a token with it",
        )


class Allowed(AuthBase):
    """Require a user whose `flag` is true; without a flag, any user. `scope` is for tokens."""

    def __init__(self, flag: str = "", audience: str = "", scope: str = "") -> None:
        self.flag, self.audience, self.scope = flag, audience, scope
        super().__init__()

    def check(self, user: User) -> User:
        """Return the user with the required role. Raises HttpError."""
        if self.flag and not getattr(user, self.flag):
            raise HttpError(403, f"only {self.audience} can do this; {user} is {user.role}")
        return user


class TokenAuth(Allowed):
    """Token of the header `Authorization: Bearer TOKEN`, without a session."""

    openapi_type = "http"
    openapi_scheme = "bearer"

    def __call__(self, request: HttpRequest) -> User | None:
        """Return the user of the token and set it as the user of the request."""
        if (token := token_of(request)) is None:
            return None
        if token.is_expired:
            raise HttpError(
                401, f"token {token.name} expired on {token.expires_at:%Y-%m-%d}; renew it"
            )
        request.user = self.check(token.user)
        if not token.allows(self.scope):
            raise MissingScope(token, self.scope)
        return token.user


class SessionAuth(Allowed):
    """Session of the panel."""

    openapi_type = "apiKey"
    openapi_in = "cookie"
    openapi_name = "sessionid"

    def __call__(self, request: HttpRequest) -> User | None:
        """Return the user of the session."""
        if (user := user_of_session(request)) is None:
            return None
        if request.method not in SAFE and (reason := _csrf_reason(request)):
            raise HttpError(
                403,
                f"CSRF: {reason} Send the page's CSRF token as X-CSRFToken, or use an API token",
            )
        return self.check(user)


def _csrf_reason(request: HttpRequest) -> str:
    check = _Csrf(_nothing)
    check.process_request(request)
    return str(check.process_view(request, _nothing, (), {}) or "")


def _nothing(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


ANYBODY = [TokenAuth(), SessionAuth()]


def operators(scope: str) -> list[Allowed]:
    """Return the authentication of a change by operators, with the scope that a token needs."""
    return [kind("may_operate", "operators and admins", scope) for kind in (TokenAuth, SessionAuth)]


def admins(scope: str) -> list[Allowed]:
    """Return the authentication of a change by admins, with the scope that a token needs."""
    return [kind("may_administer", "admins", scope) for kind in (TokenAuth, SessionAuth)]


def actor(request: HttpRequest) -> str:
    """Return the user named in events."""
    return str(request.user.get_username())
