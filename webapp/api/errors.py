"""Errors as problem details, with one sentence as `detail`."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from backfill.errors import BackcourtError, Refused
from webapp.api.auth import MissingScope
from webapp.middleware.errors import status_of
from webapp.middleware.problems import problem

TOO_LARGE = f"a body has at most {settings.DATA_UPLOAD_MAX_MEMORY_SIZE:,} bytes; send less"
LOG_IN = "log in, or send a token as `Authorization: Bearer TOKEN`"


def register(api: NinjaAPI) -> None:
    """Register the error handlers of an API."""

    @api.exception_handler(BackcourtError)
    def refused(request: HttpRequest, error: BackcourtError) -> HttpResponse:
        return problem(status_of(error), str(error))

    @api.exception_handler(AuthenticationError)
    def unknown(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
        response = problem(401, LOG_IN)
        response["WWW-Authenticate"] = "Bearer"
        return response

    @api.exception_handler(HttpError)
    def http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
        more = {"scope": error.scope} if isinstance(error, MissingScope) else {}
        response = problem(error.status_code, _body_error(error.__cause__) or str(error), **more)
        if error.status_code == 401:
            response["WWW-Authenticate"] = 'Bearer error="invalid_token"'
        return response

    @api.exception_handler(RequestDataTooBig)
    def too_large(request: HttpRequest, error: RequestDataTooBig) -> HttpResponse:
        return problem(413, TOO_LARGE)

    @api.exception_handler(Http404)
    def not_found(request: HttpRequest, error: Http404) -> HttpResponse:
        return problem(404, str(error))

    @api.exception_handler(ValidationError)
    def invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
        return problem(422, "; ".join(map(_sentence, error.errors)))


def _sentence(error: dict[str, Any]) -> str:
    """Write the error of one field with its name."""
    names = [str(name) for name in error["loc"] if name not in ("body", "query", "path", "given")]
    return f"{'.'.join(names) or 'body'}: {error['msg'].removeprefix('Value error, ')}"


def _body_error(cause: BaseException | None) -> str:
    """Return the error of an unreadable body; empty for any other HttpError."""
    if isinstance(cause, Refused):
        return str(cause)
    return "" if cause is None else f"the body is not valid JSON: {cause}"
