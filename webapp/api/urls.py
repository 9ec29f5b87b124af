"""URLs of /api/, /healthz, /readyz and /metrics, which authenticate without the login page."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import URLPattern, URLResolver, include, path
from django.views.decorators.http import require_safe
from django.views.generic import RedirectView
from ninja import NinjaAPI
from ninja.responses import NinjaJSONEncoder

from webapp.api import diffs, errors, findings, jobs, launches, loads, reading, runs, versions
from webapp.api.auth import ANYBODY
from webapp.api.body import BodyParser
from webapp.auth.tokens import user_of
from webapp.middleware.problems import ROOT, problem
from webapp.models.token import SCOPES
from webapp.ops import health, metrics, readiness

METHODS = ("get", "post")
READ_AS = {"HEAD": "GET"}
BODY_TYPE = "application/json"
JSON = re.compile(r"|application/(\w+\+)?json")  # an empty one is read as JSON

# The pages of Swagger and Redoc need inline scripts, which the Content-Security-Policy blocks.
api = NinjaAPI(
    title="Backcourt",
    version="1",
    urls_namespace="api",
    auth=ANYBODY,
    openapi_url=None,
    docs_url=None,
    parser=BodyParser(),
    description="The REST API covers everything the panel does, with the caller's role. Send a token as"
    " `Authorization: Bearer TOKEN`; create one on the System page or with"
    " `manage.py token USER NAME`.",
)
for part in (jobs, diffs, runs, launches, loads, findings, versions, reading):
    api.add_router("", part.router)
errors.register(api)


@require_safe
def openapi(request: HttpRequest) -> JsonResponse:
    """Return the OpenAPI document."""
    if user_of(request) is None:
        return problem(401, errors.LOG_IN)
    return JsonResponse(api.get_openapi_schema(path_prefix=ROOT), encoder=NinjaJSONEncoder)


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """Show the OpenAPI document as a page."""
    schema = api.get_openapi_schema(path_prefix=ROOT)
    operations = [
        {
            "method": method.upper(),
            "path": where,
            **operation,
            "fields": _fields(operation, schema["components"]["schemas"]),
        }
        for where, methods in schema["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    ]
    return render(
        request,
        "api/docs.html",
        {"operations": operations, "info": schema["info"], "root": ROOT, "scopes": list(SCOPES)},
    )


def _fields(operation: dict[str, Any], schemas: dict[str, Any]) -> list[str]:
    """Return the names of the body's fields; optional ones end with a question mark."""
    if "requestBody" not in operation:
        return []
    name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition(
        "/"
    )[2]
    required = schemas[name].get("required", [])
    return [field if field in required else f"{field}?" for field in schemas[name]["properties"]]


def not_found(request: HttpRequest, rest: str) -> JsonResponse:
    """Answer an unknown path in JSON."""
    return problem(404, f"{ROOT}{rest} does not exist; {ROOT}docs lists the operations")


def _open(patterns: list[URLPattern]) -> list[URLPattern]:
    for pattern in patterns:
        pattern.callback = login_not_required(_checked(pattern.callback))
    return patterns


def _checked(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Wrap a view: it answers HEAD like GET, and refuses bodies that are not JSON."""

    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method == "POST" and not JSON.fullmatch(request.content_type or ""):
            return problem(415, f"send the body as {BODY_TYPE}, not {request.content_type}")
        method, request.method = request.method, READ_AS.get(str(request.method), request.method)
        try:
            answer = view(request, *args, **kwargs)
        finally:
            request.method = method
        if answer.status_code == 405:
            answer["Allow"] = answer["Allow"].replace("GET", "GET, HEAD")
        return answer

    return answered


_patterns, _app, _namespace = api.urls
urlpatterns: list[URLPattern | URLResolver] = [
    path("api/", require_safe(RedirectView.as_view(pattern_name="api_docs")), name="api"),
    path("api/openapi.json", login_not_required(openapi), name="openapi"),
    path("api/docs", docs, name="api_docs"),
    path(
        "api/",
        include(
            (_open([p for p in _patterns if isinstance(p, URLPattern)]), _app), namespace=_namespace
        ),
    ),
    path("api/<path:rest>", login_not_required(not_found)),
    path("healthz", login_not_required(health.healthz), name="healthz"),
    path("readyz", login_not_required(readiness.readyz), name="readyz"),
    path("metrics", login_not_required(metrics.page), name="metrics"),
]
