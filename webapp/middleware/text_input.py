"""Refuse text that the database cannot store: PostgreSQL has no NUL, UTF-8 no lone surrogates."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from django.http import HttpResponse, HttpResponseBase, UnreadablePostError
from django.http.request import QueryDict

from webapp.middleware.errors import answer
from webapp.middleware.problems import is_api, problem
from webapp.ui.typing import HtmxRequest

REFUSED = "the request contains a NUL character or another invalid character; remove it"
UNSTORABLE = re.compile("[\0\ud800-\udfff]")
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


def is_storable(text: str) -> bool:
    """Return True for text that every database can store."""
    return not UNSTORABLE.search(text)


def all_storable(value: object) -> bool:
    """Return True if all texts of a JSON value can be stored."""
    if isinstance(value, str):
        return is_storable(value)
    if isinstance(value, dict):
        return all(is_storable(key) and all_storable(item) for key, item in value.items())
    return all(map(all_storable, value)) if isinstance(value, list) else True


class TextInputMiddleware:
    """Refuse such text in path, query, headers and forms; drop cookies that contain it."""

    def __init__(self, get_response: Callable[[HtmxRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HtmxRequest) -> HttpResponse:
        """Drop cookies first: the error page reads the session."""
        request.COOKIES = {
            name: value for name, value in request.COOKIES.items() if is_storable(name + value)
        }
        return self.get_response(request)

    def process_view(
        self, request: HtmxRequest, view: object, args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        """Answer 400 to such text; JSON bodies are checked by the parser of the API."""
        try:
            if all(map(is_storable, _texts(request))):
                return None
        except UnreadablePostError:  # the client is gone
            return HttpResponse(status=400)
        return problem(400, REFUSED) if is_api(request) else answer(request, REFUSED, 400)


def _texts(request: HtmxRequest) -> Iterator[str]:
    yield request.path_info
    yield from (value for name, value in request.headers.items() if name != "Cookie")
    yield from _values(request.GET)
    if request.content_type in FORMS and not is_api(request):
        yield from _values(request.POST)


def _values(given: QueryDict) -> Iterator[str]:
    for name, values in given.lists():
        yield name
        yield from map(str, values)
