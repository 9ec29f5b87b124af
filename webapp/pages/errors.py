"""Error pages: 403, 404 and 500."""

from __future__ import annotations

import re
from collections.abc import Sequence

from django.http import HttpResponse
from django.shortcuts import render

from webapp.middleware.errors import answer
from webapp.ui.typing import HtmxRequest

NO_MATCH = re.compile(r"No (\w+) matches the given query")  # message of get_object_or_404
LISTS = {"Job": "Jobs", "Run": "Runs", "Finding": "Triage"}


def not_found(request: HtmxRequest, exception: Exception) -> HttpResponse:
    """Return 404 with the reason that the view raised, if any."""
    message = (
        exception.args[0]
        if exception.args and isinstance(exception.args[0], str)
        else "this page does not exist."
    )
    if missing := NO_MATCH.match(message):
        message = _no_such(
            missing[1], [*request.resolver_match.kwargs.values()] if request.resolver_match else []
        )
    return answer(request, message, 404)


def _no_such(model: str, values: Sequence[object]) -> str:
    """Return the message for a missing object, with the page that lists existing ones."""
    hint = f" The {LISTS[model]} page lists them." if model in LISTS else ""
    return f"there is no {model.lower()} {', '.join(map(str, values))}.{hint}"


def forbidden(request: HtmxRequest, exception: Exception) -> HttpResponse:
    """Return 403 with the required role."""
    return answer(request, str(exception) or "your role does not allow this", 403)


def csrf_failed(request: HtmxRequest, reason: str = "") -> HttpResponse:
    """Return 403 for a form without a valid CSRF token."""
    return answer(
        request,
        "the form has expired or came from another site; reload the page and submit it again",
        403,
    )


def broken(request: HtmxRequest) -> HttpResponse:
    """Return 500 without details; the traceback is in the log."""
    return render(request, "errors/broken.html", status=500)
