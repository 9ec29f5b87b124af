"""Notifications through Apprise. Its URLs contain secrets, so only their schemes leave this module.

Delivery is at least once: after a crash between sending and recording, the message is sent again.
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

from backfill.backoff import DELIVERY_BUDGET_SECONDS
from backfill.crash_points import crash_point
from backfill.models import Notice

log = logging.getLogger(__name__)
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}(?=://)")
ANSWERED = re.compile(r"error[= ](\d{3})\b")  # the only part of Apprise's log that is repeated


def deliver(at: datetime) -> int:
    """Send the messages that are written and due to NOTIFY_URLS; return how many reached every URL.

    Do not call within a transaction. The first failure ends the delivery, because a common cause
    would fail the others too; otherwise they come first in the next delivery.
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
        log.warning("Delivery of %s of %s failed: %s", notice, notice.job, "; ".join(failed))
        notice.put_off(at, "; ".join(failed))
        return False
    Notice.objects.filter(pk=notice.pk).update(delivered_at=at, error="")
    return True


def named_urls() -> Iterator[tuple[str, str]]:
    """Yield each NOTIFY_URLS entry with a label that contains no secret."""
    for number, url in enumerate(settings.NOTIFY_URLS, 1):
        scheme = SCHEME.match(url)
        yield f"NOTIFY_URLS entry {number} ({scheme[0] if scheme else 'without a schema'})", url


def is_understood(url: str) -> bool:
    """Return True if Apprise can parse a URL; does not check that it can be reached."""
    with _captured_log():
        from apprise import Apprise

        return Apprise.instantiate(url, suppress_exceptions=True) is not None


def send(url: str, title: str, body: str) -> str:
    """Send one message to one URL, once; return the reason of a failure, empty on success."""
    with _captured_log() as captured:
        # Imported here because the import is slow and most processes send nothing.
        from apprise import Apprise, NotifyFormat, OverflowMode

        try:
            server = Apprise.instantiate(url, suppress_exceptions=True)
            if server is None:
                return "is not a valid Apprise URL"
            if server.overflow_mode == OverflowMode.UPSTREAM:
                server.overflow_mode = (
                    OverflowMode.TRUNCATE
                )  # a service would reject a longer message
            if Apprise([server]).notify(title=title, body=body, body_format=NotifyFormat.TEXT):
                return ""
        except Exception as error:  # a plugin can raise anything: the message is kept and retried
            return f"failed ({type(error).__name__})"
        answer = ANSWERED.search(captured.getvalue())
        return f"rejected the message (status {answer[1]})" if answer else "rejected the message"


@contextmanager
def _captured_log() -> Iterator[StringIO]:
    """Capture Apprise's log, and silence the library under it, which logs addresses."""
    captured, apprise = StringIO(), logging.getLogger("apprise")
    handler = logging.StreamHandler(captured)
    logging.getLogger("urllib3").setLevel(logging.CRITICAL)
    apprise.propagate = False
    apprise.addHandler(handler)
    try:
        yield captured
    finally:
        apprise.removeHandler(handler)
