"""Delay of logins after failures, by name and source, and by address across all names.

Each attempt counts as a failure until it succeeds, so that parallel attempts cannot exceed a limit.
Attempts during a delay are refused without a check of the password and do not extend it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.utils.timezone import now

from webapp.auth.sources import client_address, known_device, network_of
from webapp.models import LoginDelay
from webapp.models.access import LONGEST_NAME

FIRST_DELAY = timedelta(minutes=1)  # doubled by each further failure
FORGOTTEN = timedelta(hours=24)
MOST_DOUBLINGS = 20
Key = tuple[str, str]  # name and source


def admit(request: HttpRequest, name: str) -> datetime | None:
    """Count an attempt; return the end of the delay if the attempt is refused."""
    at = now()
    with transaction.atomic():
        found = [_row(key, at) for key in _keys(request, name)]
        if until := _latest(found, at):
            return until
        for row in found:
            _count(row, at)
    return None


def delayed_until(request: HttpRequest, name: str) -> datetime | None:
    """Return the end of the delay of this name from this source; None without one."""
    at = now()
    found = [
        row
        for name, source in _keys(request, name)
        for row in LoginDelay.objects.filter(name=name, source=source)
    ]
    return _latest(found, at)


def succeeded(request: HttpRequest, name: str) -> None:
    """Forget the failures of this name and source, and the attempt of the address."""
    with transaction.atomic():
        for own, source in _keys(request, name):
            rows = LoginDelay.objects.filter(name=own, source=source)
            if own:
                rows.delete()
                continue
            for row in rows.select_for_update():
                row.failures = max(0, row.failures - 1)
                row.locked_until = None
                row.save()


def unlock(name: str) -> int:
    """End the delays of a name; return their number."""
    return LoginDelay.objects.filter(name=name[:LONGEST_NAME]).delete()[0]


def _keys(request: HttpRequest, name: str) -> Sequence[Key]:
    """Return the counters of an attempt. A known device has its own, so strangers cannot lock it."""
    name = name[:LONGEST_NAME]
    if device := known_device(request, name):
        return ((name, f"device {device}"),)
    source = network_of(client_address(request))
    return ((name, source), ("", source))


def _row(key: Key, at: datetime) -> LoginDelay:
    name, source = key
    LoginDelay.objects.filter(failed_at__lt=at - FORGOTTEN).delete()
    row, _ = LoginDelay.objects.select_for_update().get_or_create(name=name, source=source)
    return row


def _latest(rows: Sequence[LoginDelay], at: datetime) -> datetime | None:
    ends = [row.locked_until for row in rows if row.locked_until and row.locked_until > at]
    return max(ends, default=None)


def _count(row: LoginDelay, at: datetime) -> None:
    row.failures += 1
    row.failed_at = at
    limit = settings.LOGIN_FAILURE_LIMIT if row.name else settings.LOGIN_ADDRESS_FAILURE_LIMIT
    if (over := row.failures - limit) >= 0:
        longest = timedelta(minutes=settings.LOGIN_LOCK_MINUTES)
        row.locked_until = at + min(longest, FIRST_DELAY * 2 ** min(over, MOST_DOUBLINGS))
    row.save()
