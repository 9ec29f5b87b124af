"""Durations of requests, shared by the web processes of one host through files.

gunicorn_conf sets their folder before this module is imported; without one, each process has its
own values.
"""

from __future__ import annotations

import os

from django.http import HttpRequest
from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.multiprocess import MultiProcessCollector

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
# A series of start times for each other series.
disable_created_metrics()  # type: ignore[no-untyped-call]

DURATION = Histogram(
    "backcourt_request_duration_seconds",
    "Duration of requests by view.",
    ("view",),
    buckets=BOUNDS,
    registry=None,
)
REQUESTS = Counter(
    "backcourt_requests",
    "Requests by view, method and status.",
    ("view", "method", "status"),
    registry=None,
)


def registry() -> CollectorRegistry:
    """Return a registry of the requests of all web processes of this host."""
    found = CollectorRegistry(auto_describe=False)
    if os.environ.get(FOLDER):
        MultiProcessCollector(found)  # type: ignore[no-untyped-call]
    else:
        found.register(DURATION)
        found.register(REQUESTS)
    return found


def observe(request: HttpRequest, status: int, seconds: float) -> None:
    """Record a request. Its view is the name of its URL, so that the number of series is bounded."""
    match = getattr(request, "resolver_match", None)
    view = (match.view_name if match else "") or "none"  # none: a static file or unknown address
    DURATION.labels(view).observe(seconds)
    method = request.method if request.method in METHODS else "other"
    REQUESTS.labels(view, method, str(status)).inc()
