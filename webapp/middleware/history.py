"""Back, Forward and restore: a page and its fragments share URLs, and only HX-Request differs."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpResponse
from django.utils.cache import patch_vary_headers
from django_htmx.middleware import HtmxDetails

from webapp.ui.typing import HtmxRequest


class HistoryMiddleware:
    """HtmxMiddleware that answers a history restore with the whole page, and keeps fragments out of
    every cache.
    """

    def __init__(self, get_response: Callable[[HtmxRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HtmxRequest) -> HttpResponse:
        """Return the response of the next layer with its caching headers."""
        if HtmxDetails(request).history_restore_request:
            request.META.pop("HTTP_HX_REQUEST", None)
            del request.headers  # cached
        request.htmx = HtmxDetails(request)
        response = self.get_response(request)
        if response.get("Content-Type", "").startswith("text/html"):
            patch_vary_headers(response, ["HX-Request"])
        if request.htmx:
            response["Cache-Control"] = "no-store"
        return response
