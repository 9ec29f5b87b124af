"""User of a request: by token or by session."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q
from django.http import HttpRequest
from django.utils.timezone import now

from webapp.auth.lazy_writes import try_write
from webapp.auth.sources import client_address
from webapp.models import AccessEvent, Token, User

SCHEME = "bearer"
USE_RECORDED_EVERY = timedelta(minutes=1)


def token_of(request: HttpRequest) -> Token | None:
    """Return the token of `Authorization: Bearer TOKEN`, also an expired one, and record its use."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != SCHEME or not key:
        return None
    token = Token.of(key.strip())
    if token and not token.is_expired:
        _record_use(token, request, now())
    return token


def user_of_token(request: HttpRequest) -> User | None:
    """Return the user of the token; None without a valid one."""
    token = token_of(request)
    return token.user if token and not token.is_expired else None


def _record_use(token: Token, request: HttpRequest, at: datetime) -> None:
    """Record a use at most once a minute. Reads also work if this write fails."""
    before = at - USE_RECORDED_EVERY
    if token.used_at and token.used_at > before:
        return

    def write() -> None:
        unrecorded = Q(used_at=None) | Q(used_at__lte=before)
        if Token.objects.filter(unrecorded, pk=token.pk).update(used_at=at):
            AccessEvent.record(
                AccessEvent.Action.TOKEN_USED,
                token.user.username,
                address=client_address(request),
                detail=token.name,
            )

    try_write("use of a token", write)


def user_of_session(request: HttpRequest) -> User | None:
    """Return the logged-in user."""
    return request.user if isinstance(request.user, User) and request.user.is_active else None


def user_of(request: HttpRequest) -> User | None:
    """Return the user of a read-only request; None without a login or token."""
    return user_of_token(request) or user_of_session(request)
