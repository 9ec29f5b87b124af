"""Stamps of the topics that a live part depends on: short texts that differ after a change."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from django.db.models import Count, Max
from django.utils.timezone import now

from backfill.errors import WarehouseError
from backfill.models import Event, Job, Launch, SeasonAudit, Worker
from backfill.warehouse import warehouse
from backfill.warehouse.tables import SCHED
from webapp.ui.shared_cache import shared

SECONDS = 0.5  # a stamp is at most this old
TICK_SECONDS = 2
# Events get their numbers before they commit. The count of the newest ones shows a late one.
NEWEST_EVENTS = 500


def stamps_of(topics: Iterable[str]) -> dict[str, str]:
    """Return the current stamp of each topic."""
    return {
        name: shared(f"stamp {name}", SECONDS, TOPICS[name], is_part=True)
        for name in sorted(topics)
    }


def _jobs() -> str:
    """Events of jobs, findings, launches and limits, and the saved presets."""
    events = Event.objects.filter(run=None).aggregate(newest=Max("pk"), n=Count("pk"))
    launches = Launch.objects.aggregate(newest=Max("pk"), n=Count("pk"))
    return "-".join(str(found[name]) for found in (events, launches) for name in ("newest", "n"))


def _runs() -> str:
    """Events of runs; while a job is active, time too, because progress and waits depend on it."""
    newest = Event.objects.aggregate(newest=Max("pk"))["newest"] or 0
    n = Event.objects.filter(pk__gt=newest - NEWEST_EVENTS).count()
    is_active = Job.objects.exclude(status__in=Job.STOPPED).exists()
    return f"{newest}-{n}-{_clock() if is_active else ''}"


def _audits() -> str:
    found = SeasonAudit.objects.aggregate(newest=Max("at"), n=Count("pk"))
    return f"{found['newest']}-{found['n']}"


def _workers() -> str:
    at = now()
    return "-".join(str(worker.pk) for worker in Worker.alive(at))


def _data() -> str:
    """Loaded versions of the Phase 3 seasons."""
    try:
        session = warehouse()
        return "-".join(f"{y}.{session.season_version(y)}" for y in sorted(session.seasons(SCHED)))
    except WarehouseError as error:
        return type(error).__name__


def _clock() -> str:
    return str(int(time.time() / TICK_SECONDS))


def _minute() -> str:
    """Half a minute: for texts such as `stalled`, which come with time."""
    return str(int(time.time() / 30))


TOPICS: Mapping[str, Callable[[], str]] = MappingProxyType(
    {
        "jobs": _jobs,
        "runs": _runs,
        "audits": _audits,
        "workers": _workers,
        "data": _data,
        "clock": _clock,
        "minute": _minute,
    }
)
