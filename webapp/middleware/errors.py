"""What cannot be done is answered by one sentence, on the page where it was asked for."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpResponse
from django.shortcuts import render
from django_htmx.http import reswap, retarget

from backfill.errors import BackcourtError, Conflict, PlanChanged, Refused
from webapp.ui.typing import HtmxRequest


def status_of(error: BackcourtError) -> int:
    """409 for a conflict with what others do, 422 for what cannot be meant, 503 when the warehouse
    cannot be read.
    """
    if isinstance(error, Conflict | PlanChanged):
        return 409
    return 422 if isinstance(error, Refused) else 503


def answer(request: HtmxRequest, sentence: str, status: int) -> HttpResponse:
    """One sentence: an alert in a page that is open, else a page of its own."""
    context = {"sentence": sentence, "status": status}
    if request.htmx and not request.htmx.boosted:
        response = render(request, "errors/_alert.html", context, status=status)
        return reswap(retarget(response, "#alerts"), "innerHTML")
    return render(request, "errors/refused.html", context, status=status)


class ErrorMiddleware:
    """Turns a BackcourtError of a view into its sentence."""

    def __init__(self, get_response: Callable[[HtmxRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HtmxRequest) -> HttpResponse:
        """Pass on."""
        return self.get_response(request)

    def process_exception(self, request: HtmxRequest, exception: Exception) -> HttpResponse | None:
        """Answer what a view has refused."""
        if not isinstance(exception, BackcourtError):
            return None
        return answer(request, str(exception), status_of(exception))
