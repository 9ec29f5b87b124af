"""The pages for what is not there, not allowed, or broken."""

from __future__ import annotations

import re
from collections.abc import Sequence

from django.http import HttpResponse
from django.shortcuts import render

from webapp.middleware.errors import answer
from webapp.ui.typing import HtmxRequest

NO_MATCH = re.compile(r"No (\w+) matches the given query")  # Django's own words
LISTS = {"Job": "the page Jobs", "Run": "the page Runs", "Finding": "the page Triage"}


def not_found(request: HtmxRequest, exception: Exception) -> HttpResponse:
    """404, with the reason where a view gave one."""
    said = (
        exception.args[0]
        if exception.args and isinstance(exception.args[0], str)
        else "there is no such page"
    )
    if missing := NO_MATCH.match(said):
        said = _no_such(
            missing[1], [*request.resolver_match.kwargs.values()] if request.resolver_match else []
        )
    return answer(request, said, 404)


def _no_such(model: str, asked: Sequence[object]) -> str:
    """What there is none of, by what the URL asks for, and where those stand that there are."""
    where = f"; {LISTS[model]} lists those that there are" if model in LISTS else ""
    return f"there is no {model.lower()} {', '.join(map(str, asked))}{where}"


def forbidden(request: HtmxRequest, exception: Exception) -> HttpResponse:
    """403, with whose part it is."""
    return answer(request, str(exception) or "this is not for your role", 403)


def csrf_failed(request: HtmxRequest, reason: str = "") -> HttpResponse:
    """403 for a form without its token."""
    return answer(
        request,
        "the form was open for too long or came from elsewhere; load the page again and repeat it",
        403,
    )


def broken(request: HtmxRequest) -> HttpResponse:
    """500. Says no more than that: the traceback is in the log."""
    return render(request, "errors/broken.html", status=500)
