"""Log one line per request; every log line of a request and its response carry the request ID."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from http import HTTPStatus
from uuid import uuid4

from django.http import HttpRequest, HttpResponse
from django.utils.functional import LazyObject

from backfill import logs
from webapp.ops import request_metrics

log = logging.getLogger(__name__)
HEADER = "X-Request-ID"
# Request ID of a proxy; another format could inject text into the log.
ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
PROBES = ("/healthz", "/readyz")


class RequestLogMiddleware:
    """Outermost middleware, so that it measures the whole request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer and log the request; without its query, which can contain names."""
        given, began = request.headers.get(HEADER, ""), time.perf_counter()
        number = given if ID.fullmatch(given) else uuid4().hex
        with logs.about(request=number):
            response = self.get_response(request)
            response[HEADER] = number
            seconds = time.perf_counter() - began
            request_metrics.observe(request, response.status_code, seconds)
            if not _is_routine(request, response.status_code):
                summary = {
                    "method": request.method,
                    "path": request.path,
                    "status": response.status_code,
                }
                fields = {
                    **summary,
                    "ms": round(seconds * 1000, 1),
                    "user": _user(request),
                }
                log.info("%s %s %s", *summary.values(), extra={"fields": fields})
        return response


def _is_routine(request: HttpRequest, status: int) -> bool:
    """Return whether the line would fill the log: a passed probe, or a poll without a change."""
    is_unchanged = status == HTTPStatus.NO_CONTENT and "X-Live" in request.headers
    return is_unchanged or (request.path in PROBES and status == HTTPStatus.OK)


def _user(request: HttpRequest) -> str:
    """Return the user if the view loaded it; loading it for the log could fail with the database."""
    user = getattr(request, "user", None)
    if isinstance(user, LazyObject) and not hasattr(request, "_cached_user"):
        return ""
    return user.get_username() if user else ""
