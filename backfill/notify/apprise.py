"""Telling people through Apprise. Its URLs hold secrets, so that no text but their schemes leaves
this module.

A message is sent at least once: after a crash between sending it and noting that, it is sent again.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from io import StringIO
from time import monotonic

from django.conf import settings

from backfill.crash_points import crash_point
from backfill.execution.backoff import DELIVERY_BUDGET_SECONDS
from backfill.models import Notice

log = logging.getLogger(__name__)
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}(?=://)")
ANSWERED = re.compile(r"error[= ](\d{3})\b")  # the one thing that is repeated of what Apprise logs


def deliver(at: datetime) -> int:
    """Send what is written and due to NOTIFY_URLS; return how many messages everybody has now.

    Not to be called within a transaction. The first failure ends it: what keeps one message back
    keeps back them all, and
    if it does not, the others are first the next time.
    """
    until, delivered = monotonic() + DELIVERY_BUDGET_SECONDS, 0
    for notice in Notice.objects.due(at).exclude(title="").select_related("job"):
        if monotonic() > until:
            break
        if notice.claim(at):
            if not _deliver(notice, at):
                break
            delivered += 1
    return delivered


def _deliver(notice: Notice, at: datetime) -> bool:
    failed = []
    for name, url in named_urls():
        digest = sha256(url.encode()).hexdigest()[:16]
        if digest in notice.delivered_to:
            continue
        if error := send(url, notice.title, notice.body):
            failed.append(f"{name} {error}")
            continue
        crash_point("after-notice")
        notice.delivered_to = [*notice.delivered_to, digest]
        Notice.objects.filter(pk=notice.pk).update(delivered_to=notice.delivered_to)
    if failed:
        log.warning("%s of %s cannot be delivered: %s", notice, notice.job, "; ".join(failed))
        notice.put_off(at, "; ".join(failed))
        return False
    Notice.objects.filter(pk=notice.pk).update(delivered_at=at, error="")
    return True


def named_urls() -> Iterator[tuple[str, str]]:
    """Each of NOTIFY_URLS, with what may be said of it."""
    for number, url in enumerate(settings.NOTIFY_URLS, 1):
        scheme = SCHEME.match(url)
        yield f"number {number} of NOTIFY_URLS ({scheme[0] if scheme else 'without a schema'})", url


def is_understood(url: str) -> bool:
    """Whether Apprise knows what to do with a URL; that it gets through is another matter."""
    with _overheard():
        from apprise import Apprise

        return Apprise.instantiate(url, suppress_exceptions=True) is not None


def send(url: str, title: str, body: str) -> str:
    """Send one message to one URL, once; return why it did not get there, empty when it did."""
    with _overheard() as heard:
        # Here, because it takes a while to import and most processes tell nobody anything.
        from apprise import Apprise, NotifyFormat, OverflowMode

        try:
            server = Apprise.instantiate(url, suppress_exceptions=True)
            if server is None:
                return "is no URL that Apprise understands"
            if server.overflow_mode == OverflowMode.UPSTREAM:
                server.overflow_mode = (
                    OverflowMode.TRUNCATE
                )  # a service would refuse what is too long for it
            if Apprise([server]).notify(title=title, body=body, body_format=NotifyFormat.TEXT):
                return ""
        except Exception as error:  # whatever a plugin raises: the message is kept and tried again
            return f"does not take it ({type(error).__name__})"
        answer = ANSWERED.search(heard.getvalue())
        return f"does not take it (answer {answer[1]})" if answer else "does not take it"


@contextmanager
def _overheard() -> Iterator[StringIO]:
    """What Apprise logs is read here and goes nowhere else; nor does what the library under it logs
    of addresses.
    """
    heard, apprise = StringIO(), logging.getLogger("apprise")
    handler = logging.StreamHandler(heard)
    logging.getLogger("urllib3").setLevel(logging.CRITICAL)
    apprise.propagate = False
    apprise.addHandler(handler)
    try:
        yield heard
    finally:
        apprise.removeHandler(handler)
