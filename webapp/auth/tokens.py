"""Who asks: the user of a token, or the one who is logged in."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.timezone import now

from webapp.models import Token, User

SCHEME = "bearer"


def user_of_token(request: HttpRequest) -> User | None:
    """The user of the key in `Authorization: Bearer KEY`; None when there is none, or it is worth
    nothing.
    """
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != SCHEME or not key:
        return None
    token = Token.of(key.strip(), now())
    return token.user if token else None


def user_of_session(request: HttpRequest) -> User | None:
    """Who is logged in."""
    return request.user if isinstance(request.user, User) and request.user.is_active else None


def user_of(request: HttpRequest) -> User | None:
    """Who asks, for what changes nothing; None for anybody."""
    return user_of_token(request) or user_of_session(request)
