"""Turn a BackcourtError into a one-line alert or an error page."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpResponse
from django.shortcuts import render
from django_htmx.http import reswap, retarget

from backfill.errors import BackcourtError, Conflict, OverwriteUnconfirmed, PlanChanged, Refused
from webapp.ui.typing import HtmxRequest


def status_of(error: BackcourtError) -> int:
    """Return 409 for a conflict, 422 for another refusal, 503 for an unreadable warehouse."""
    if isinstance(error, Conflict | PlanChanged):
        return 409
    return 422 if isinstance(error, Refused) else 503


def refusal(error: BackcourtError, name: str = "refused") -> dict[str, str]:
    """Return the template context of a refusal: at the field of the number to type, or `name`."""
    return {"unconfirmed" if isinstance(error, OverwriteUnconfirmed) else name: str(error)}


def answer(request: HtmxRequest, sentence: str, status: int) -> HttpResponse:
    """Answer with one sentence: an alert for a fragment, else an error page."""
    context = {"sentence": sentence, "status": status}
    if request.htmx and not request.htmx.boosted:
        response = render(request, "errors/_alert.html", context, status=status)
        return reswap(retarget(response, "#alerts"), "innerHTML")
    return render(request, "errors/refused.html", context, status=status)


class ErrorMiddleware:
    """Answer a BackcourtError of a view with its sentence."""

    def __init__(self, get_response: Callable[[HtmxRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HtmxRequest) -> HttpResponse:
        """Return the response of the next layer."""
        return self.get_response(request)

    def process_exception(self, request: HtmxRequest, exception: Exception) -> HttpResponse | None:
        """Answer a BackcourtError; leave other exceptions to Django."""
        if not isinstance(exception, BackcourtError):
            return None
        return answer(request, str(exception), status_of(exception))
