"""One log line per answered request. Whatever is logged in between carries the request's id, and so
does the answer.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from uuid import uuid4

from django.http import HttpRequest, HttpResponse
from django.utils.functional import LazyObject

from backfill import logs

log = logging.getLogger(__name__)
HEADER = "X-Request-ID"
# What a proxy may have called it; anything else is not repeated.
ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")


class RequestLogMiddleware:
    """The outermost middleware: what it measures is all that Django does."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, and log that; without the query, which may name people."""
        given, began = request.headers.get(HEADER, ""), time.perf_counter()
        number = given if ID.fullmatch(given) else uuid4().hex
        with logs.about(request=number):
            response = self.get_response(request)
            response[HEADER] = number
            if not (
                request.path == "/healthz" and response.status_code == 200
            ):  # asked every few seconds
                what = {
                    "method": request.method,
                    "path": request.path,
                    "status": response.status_code,
                }
                fields = {
                    **what,
                    "ms": round((time.perf_counter() - began) * 1000, 1),
                    "user": _user(request),
                }
                log.info("%s %s %s", *what.values(), extra={"fields": fields})
        return response


def _user(request: HttpRequest) -> str:
    """Who asked, when anybody needed to know; looking only for the log could fail with the
    database.
    """
    user = getattr(request, "user", None)
    if isinstance(user, LazyObject) and not hasattr(request, "_cached_user"):
        return ""
    return user.get_username() if user else ""
