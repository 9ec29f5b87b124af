"""Sessions whose reads do not require a writable database."""

from __future__ import annotations

import logging

from django.contrib.sessions.exceptions import SessionInterrupted
from django.contrib.sessions.middleware import SessionMiddleware
from django.db import Error
from django.http import HttpRequest, HttpResponse

log = logging.getLogger(__name__)
READS = ("GET", "HEAD")


class ReadableSessionMiddleware(SessionMiddleware):
    """Answer a read also if its session cannot be saved, for example with its shown messages."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Save the session; log an error of a read instead of raising it.

        Django reports a failed update as SessionInterrupted.
        """
        try:
            return super().process_response(request, response)
        except (Error, SessionInterrupted) as error:
            if request.method not in READS:
                raise
            log.info("session not saved: %s", str(error).partition("\n")[0])
            return response
