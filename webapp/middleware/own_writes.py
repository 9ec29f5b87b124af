"""Shared content that a user's own write has made stale."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

COOKIE, READS = "wrote", ("GET", "HEAD", "OPTIONS")


class OwnWritesMiddleware:
    """Mark a browser that has written, so that its next pages are not shared with earlier readers."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.method not in READS:
            response.set_cookie(
                COOKIE,
                str(time.time_ns()),
                max_age=2 * settings.SHARED_SECONDS,
                secure=settings.SESSION_COOKIE_SECURE,
                httponly=True,
                samesite="Lax",
            )
        return response


def latest_write(request: HttpRequest) -> str:
    """Return text that differs after a write of this browser."""
    return request.COOKIES.get(COOKIE, "")[:20]
