"""Problem details (RFC 9457): the format of every error of the API."""

from __future__ import annotations

from collections.abc import Callable
from http.client import responses

from django.http import HttpRequest, HttpResponse, JsonResponse

ROOT = "/api/"
CONTENT_TYPE = "application/problem+json"
INTERNAL = "internal error; the traceback is in the web log"
# Headers of the replaced response that describe only its own body.
OF_BODY = {"content-type", "content-length", "content-encoding", "etag"}


def problem(status: int, detail: str, **more: object) -> JsonResponse:
    """Return an error of the API as problem details; `detail` becomes one line."""
    document = {
        "type": "about:blank",
        "title": responses.get(status, "Error"),
        "status": status,
        "detail": " ".join(detail.split()),
        **more,
    }
    return JsonResponse(document, status=status, content_type=CONTENT_TYPE)


def is_api(request: HttpRequest) -> bool:
    """Return True for a request to the API."""
    return request.path_info.startswith(ROOT)


class ProblemMiddleware:
    """Replace an error of the API that is not yet problem details, such as Django's own pages."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Return the response, or the problem that replaces it."""
        response = self.get_response(request)
        if response.status_code < 400 or not is_api(request):
            return response
        if response.get("Content-Type", "").startswith(CONTENT_TYPE):
            return response
        replaced = problem(response.status_code, _detail(request, response))
        for name, value in response.items():
            if name.lower() not in OF_BODY:
                replaced[name] = value
        replaced.cookies = response.cookies
        return replaced


def _detail(request: HttpRequest, response: HttpResponse) -> str:
    if response.status_code == 405:
        return f"{request.path} accepts {response['Allow']}, not {request.method}"
    if response.status_code >= 500:
        return INTERNAL
    return f"{response.reason_phrase}: {request.method} {request.path}"
