"""What cannot be done is one sentence as {"detail": …}: 401, 403, 404, 409, 422, 503."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from backfill.errors import BackcourtError
from webapp.middleware.errors import status_of

LOG_IN = "log in, or send a key as `Authorization: Bearer KEY`"


def register(api: NinjaAPI) -> None:
    """Let this API answer so."""

    def answer(request: HttpRequest, status: int, sentence: str) -> HttpResponse:
        return api.create_response(request, {"detail": " ".join(sentence.split())}, status=status)

    @api.exception_handler(BackcourtError)
    def refused(request: HttpRequest, error: BackcourtError) -> HttpResponse:
        return answer(request, status_of(error), str(error))

    @api.exception_handler(AuthenticationError)
    def unknown(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
        response = answer(request, 401, LOG_IN)
        response["WWW-Authenticate"] = "Bearer"
        return response

    @api.exception_handler(HttpError)
    def said(request: HttpRequest, error: HttpError) -> HttpResponse:
        return answer(request, error.status_code, str(error))

    @api.exception_handler(Http404)
    def not_there(request: HttpRequest, error: Http404) -> HttpResponse:
        return answer(request, 404, str(error))

    @api.exception_handler(ValidationError)
    def not_meant(request: HttpRequest, error: ValidationError) -> HttpResponse:
        return answer(request, 422, "; ".join(map(_sentence, error.errors)))


def _sentence(error: dict[str, Any]) -> str:
    """What is wrong with one field, by its name."""
    names = [str(name) for name in error["loc"] if name not in ("body", "query", "path", "given")]
    return f"{'.'.join(names) or 'the body'}: {error['msg']}"
