"""Answers to polls: the changed parts of a page, rendered once for all browsers of a role."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from threading import Lock
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.core.signing import BadSignature, TimestampSigner
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from webapp.live.parts import KEPT_SECONDS, LiveParts, Recorder, parse_seen
from webapp.middleware.own_writes import latest_write
from webapp.models import User
from webapp.ui.typing import HtmxRequest

SEEN, TICKET = "X-Live", "X-Live-Ticket"
TICKET_SECONDS = 10
WAIT_SECONDS = 5  # for another request that renders the same page
_locks = tuple(Lock() for _ in range(32))


@dataclass
class Poll:
    """Poll whose page is rendered: the recorder of its parts, or the parts that are kept."""

    recorder: Recorder = field(default_factory=Recorder)
    kept: LiveParts | None = None
    locks: list[Lock] = field(default_factory=list)


class LiveMiddleware:
    """Answer a poll: a GET of an open page's own URL with the header `X-Live`.

    A poll runs the page's view and renders each {% live %} part that has changed, once for all
    browsers with the same URL and role. A ticket, valid for ten seconds in its session, saves the
    polls in between reading the session and the user.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HtmxRequest) -> HttpResponse:
        """Answer from the kept parts, else by the view."""
        if not is_poll(request):
            return self.get_response(request)
        if (audience := _ticket_holder(request)) and (parts := _kept(request, [audience])):
            return _answer(request, parts)
        with _polled(request) as poll:
            response = self.get_response(request)
            if response.status_code != 200:
                response["Cache-Control"] = "no-store"
                return response
            audience = _audiences(request.user)[0 if poll.recorder.is_personal else 1]
            if not poll.kept:
                poll.kept = poll.recorder.recorded()
                cache.set(_key(request, audience), poll.kept, KEPT_SECONDS)
        answer = _answer(request, poll.kept)
        answer[TICKET] = _signer(request).sign(audience)
        return answer

    def process_view(
        self, request: HtmxRequest, view: object, args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        """Skip the view if another poll has just rendered the page, or is rendering it again."""
        poll: Poll | None = getattr(request, "live", None)
        if not poll or not request.user.is_authenticated:
            return None
        audiences = _audiences(request.user)
        poll.kept = _kept(request, audiences)
        if not poll.kept:
            lock = _lock(request, audiences[1])
            if lock.acquire(timeout=WAIT_SECONDS):
                poll.locks.append(lock)
            poll.kept = _kept(request, audiences, locked=True)
        if poll.kept:
            return HttpResponse()
        poll.recorder.last = _last(request, audiences)
        return None


def is_poll(request: HttpRequest) -> bool:
    """Return whether a request asks for the changed parts of an open page."""
    return SEEN in request.headers and request.method == "GET"


def _audiences(user: User) -> list[str]:
    """Return the browsers that share a page with personal parts, and any other page."""
    return [f"{user.role} {user.pk}", user.role]


@contextmanager
def _polled(request: HtmxRequest) -> Iterator[Poll]:
    poll = Poll()
    request.live = poll  # type: ignore[attr-defined]
    try:
        yield poll
    finally:
        for lock in poll.locks:
            lock.release()


def _last(request: HttpRequest, audiences: list[str]) -> LiveParts | None:
    keys = [_key(request, audience) for audience in audiences]
    found: LiveParts | None = next(iter(cache.get_many(keys).values()), None)
    return found


def _kept(request: HttpRequest, audiences: list[str], *, locked: bool = False) -> LiveParts | None:
    """Return the parts of the last rendering if they are current, or being rendered again."""
    parts = _last(request, audiences)
    if parts and ((not locked and _lock(request, audiences[-1]).locked()) or parts.is_current):
        return parts
    return None


def _answer(request: HttpRequest, parts: LiveParts) -> HttpResponse:
    html = parts.since(parse_seen(request.headers[SEEN]))
    return HttpResponse(
        html, status=200 if html else 204, headers={"Cache-Control": "no-store", "Vary": SEEN}
    )


def _key(request: HttpRequest, audience: str) -> str:
    text = f"{request.get_full_path()} {latest_write(request)} {audience}"
    return f"live-{sha256(text.encode(errors='backslashreplace')).hexdigest()}"


def _lock(request: HttpRequest, audience: str) -> Lock:
    return _locks[hash((request.get_full_path(), audience.split(maxsplit=1)[0])) % len(_locks)]


def _signer(request: HttpRequest) -> TimestampSigner:
    """Return a signer whose tickets are worthless in another session."""
    session = request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")
    return TimestampSigner(salt=f"live {session}")


def _ticket_holder(request: HttpRequest) -> str:
    """Return the audience of a valid ticket, else an empty text."""
    try:
        return _signer(request).unsign(request.headers.get(TICKET, ""), max_age=TICKET_SECONDS)
    except BadSignature:
        return ""
