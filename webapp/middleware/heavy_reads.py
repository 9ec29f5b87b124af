"""Limit of simultaneous downloads per user, so that one user never occupies all threads of a process."""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Callable
from functools import wraps
from threading import Lock
from typing import Any, Concatenate, ParamSpec

from django.http import HttpResponseBase

from webapp.middleware.errors import answer
from webapp.ui.typing import HtmxRequest

AT_ONCE = 2  # per user and process
RETRY_SECONDS = 5
REFUSAL = f"you already have {AT_ONCE} downloads running; retry when one has finished"

Given = ParamSpec("Given")
View = Callable[Concatenate[HtmxRequest, Given], HttpResponseBase]

_running: Counter[int] = Counter()
_lock = Lock()


def heavy_read(view: View[Given]) -> View[Given]:
    """Answer 429 if the user has `AT_ONCE` responses of such views that are not sent yet."""

    @wraps(view)
    def limited(
        request: HtmxRequest, /, *args: Given.args, **kwargs: Given.kwargs
    ) -> HttpResponseBase:
        user = request.user.pk
        if not _begin(user):
            refusal = answer(request, REFUSAL, 429)
            refusal["Retry-After"] = str(RETRY_SECONDS)
            return refusal
        try:
            response = view(request, *args, **kwargs)
        except BaseException:
            _end(user)
            raise
        _end_with(response, user)
        return response

    return limited


def _begin(user: int) -> bool:
    with _lock:
        if _running[user] >= AT_ONCE:
            return False
        _running[user] += 1
        return True


def _end(user: int) -> None:
    with _lock:
        _running[user] -= 1
        if not _running[user]:
            del _running[user]


def _end_with(response: Any, user: int) -> None:
    """Count the download until the server closes the response or drops it."""
    end = weakref.finalize(response, _end, user)
    # A strong reference would keep a dropped response alive until the garbage collector runs.
    reference, close = weakref.ref(response), type(response).close

    def close_and_end() -> None:
        end()
        if (target := reference()) is not None:
            close(target)

    response.close = close_and_end
