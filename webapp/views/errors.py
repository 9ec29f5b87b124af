"""The pages for what is not there, not allowed, or broken."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from webapp.refusals import answer
from webapp.requests import Request


def not_found(request: Request, exception: Exception) -> HttpResponse:
    """404, with the reason where a view gave one."""
    said = exception.args[0] if exception.args and isinstance(exception.args[0], str) else "there is no such page"
    return answer(request, said, 404)


def forbidden(request: Request, exception: Exception) -> HttpResponse:
    """403, with whose part it is."""
    return answer(request, str(exception) or "this is not for your role", 403)


def csrf_failed(request: Request, reason: str = "") -> HttpResponse:
    """403 for a form without its token."""
    return answer(request, "the form was open for too long or came from elsewhere; load the page again and repeat it", 403)


def broken(request: Request) -> HttpResponse:
    """500. Says no more than that: the traceback is in the log."""
    return render(request, "errors/broken.html", status=500)
