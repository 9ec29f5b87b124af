"""/api/, /healthz and /metrics. They ask by themselves who calls, so that the panel's login page
keeps out of their way.
"""

from __future__ import annotations

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

from webapp.api import errors, findings, jobs, launches, reading
from webapp.api.auth import ANYBODY
from webapp.auth.tokens import user_of
from webapp.ops import health, metrics

ROOT = "/api/"
METHODS = ("get", "post")

# Neither Swagger's nor Redoc's page comes without inline styles or scripts, which the panel's
# policy forbids.
api = NinjaAPI(
    title="Backcourt",
    version="1",
    urls_namespace="api",
    auth=ANYBODY,
    openapi_url=None,
    docs_url=None,
    description="The verbs of the shell and of the panel. Send a key as `Authorization: Bearer KEY`; the panel's admin page, "
    "or `manage.py token USER NAME`, issues one.",
)
for part in (jobs, launches, findings, reading):
    api.add_router("", part.router)
errors.register(api)


@require_safe
def openapi(request: HttpRequest) -> JsonResponse:
    """The API as an OpenAPI document."""
    if user_of(request) is None:
        return JsonResponse({"detail": errors.LOG_IN}, status=401)
    return JsonResponse(api.get_openapi_schema(path_prefix=ROOT), encoder=NinjaJSONEncoder)


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """The same as a page."""
    schema = api.get_openapi_schema(path_prefix=ROOT)
    operations = [
        {
            "method": method.upper(),
            "path": where,
            **said,
            "fields": _fields(said, schema["components"]["schemas"]),
        }
        for where, methods in schema["paths"].items()
        for method, said in methods.items()
        if method in METHODS
    ]
    return render(
        request, "api/docs.html", {"operations": operations, "info": schema["info"], "root": ROOT}
    )


def _fields(operation: dict[str, Any], schemas: dict[str, Any]) -> list[str]:
    """What the body takes, with a question mark behind what may be left out."""
    if "requestBody" not in operation:
        return []
    name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition(
        "/"
    )[2]
    needed = schemas[name].get("required", [])
    return [field if field in needed else f"{field}?" for field in schemas[name]["properties"]]


def not_there(request: HttpRequest, rest: str) -> JsonResponse:
    """In JSON, for programs."""
    return JsonResponse(
        {"detail": f"there is no {ROOT}{rest}; {ROOT}docs lists what there is"}, status=404
    )


def _open(patterns: list[URLPattern]) -> list[URLPattern]:
    for pattern in patterns:
        pattern.callback = login_not_required(_in_json(pattern.callback))
    return patterns


def _in_json(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """The same view; a method that it does not take is refused as everything else is."""

    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        answer = view(request, *args, **kwargs)
        if answer.status_code != 405:
            return answer
        said = f"{request.path} takes {answer['Allow']}, not {request.method}"
        return JsonResponse({"detail": said}, status=405, headers={"Allow": answer["Allow"]})

    return answered


_patterns, _app, _namespace = api.urls
urlpatterns: list[URLPattern | URLResolver] = [
    path("api/", RedirectView.as_view(pattern_name="api_docs")),
    path("api/openapi.json", login_not_required(openapi), name="openapi"),
    path("api/docs", docs, name="api_docs"),
    path(
        "api/",
        include(
            (_open([p for p in _patterns if isinstance(p, URLPattern)]), _app), namespace=_namespace
        ),
    ),
    path("api/<path:rest>", login_not_required(not_there)),
    path("healthz", login_not_required(health.healthz), name="healthz"),
    path("metrics", login_not_required(metrics.page), name="metrics"),
]
