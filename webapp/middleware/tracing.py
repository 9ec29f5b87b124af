"""Trace one span per request, as a child of the caller's span if it sent a `traceparent`."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from backfill.telemetry import tracing

# Calls by machines every few seconds, and files.
UNTRACED = ("/healthz", "/readyz", "/metrics", "/static/")


class TraceMiddleware:
    """Middleware that is installed only with a collector."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer within a span, named by the route, because paths contain ids."""
        if request.path.startswith(UNTRACED):
            return self.get_response(request)
        method = request.method or ""
        parent = request.headers.get("traceparent", "")
        attributes = {"http.request.method": method, "url.path": request.path}
        with tracing.span(method, attributes, parent=parent, kind="SERVER") as made:
            response = self.get_response(request)
            if made:
                route = request.resolver_match.route if request.resolver_match else ""
                made.update_name(f"{method} /{route}")
                made.set_attribute("http.route", f"/{route}")
                made.set_attribute("http.response.status_code", response.status_code)
                if response.status_code >= 500:
                    tracing.fail(made, response.reason_phrase)
        return response
