"""Readiness: everything that pages and jobs need. It needs no login, so it has no details."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from threading import Lock
from types import MappingProxyType

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from backfill.errors import BackcourtError
from backfill.recovery.unfinished_restore import is_restoring
from backfill.status import system_health
from backfill.warehouse import warehouse
from backfill.warehouse.tables import SCHED

log = logging.getLogger(__name__)

# Anyone can ask, and a check costs a write and, on BigQuery, requests.
KEPT_SECONDS = 5.0


class NotReady(Exception):
    """Condition of a check that is not met; the message is logged, not sent."""


def check_database() -> None:
    """Raise if the database does not answer."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def check_migrations() -> None:
    """Raise NotReady with the missing migrations."""
    if missing := _migrations() - set(MigrationRecorder(connection).applied_migrations()):
        names = ", ".join(f"{app}.{name}" for app, name in sorted(missing))
        raise NotReady(f"migrations are missing: {names}; run `manage.py migrate_locked`")


def check_static_files() -> None:
    """Raise if static files are not collected."""
    manifest = Path(settings.STATIC_ROOT) / "staticfiles.json"
    if not manifest.stat().st_size:
        raise NotReady(f"{manifest} is empty")


def check_redis() -> None:
    """Raise NotReady if Redis does not answer."""
    found = system_health.redis()
    if not found["answers"]:
        raise NotReady(f"Redis at {found['where']}: {found['said']}")


def check_restore() -> None:
    """Raise NotReady while a restore has not ended."""
    if is_restoring():
        raise NotReady("a restore has not ended; run `manage.py restore` again")


def check_reading() -> None:
    """Raise if the warehouse is not readable."""
    warehouse().seasons(SCHED)


def check_writing() -> None:
    """Raise if the warehouse is not writable."""
    warehouse().check_writable()


CHECKS: Mapping[str, Callable[[], None]] = MappingProxyType(
    {
        "database": check_database,
        "migrations": check_migrations,
        "static files": check_static_files,
        "redis": check_redis,
        "restore": check_restore,
        "warehouse not readable": check_reading,
        "warehouse not writable": check_writing,
    }
)


class Readiness:
    """Result of the checks, shared by the requests of a few seconds."""

    def __init__(self) -> None:
        self._lock, self._until, self._failing = Lock(), 0.0, list[str]()

    def failing(self) -> list[str]:
        """Return the names of the failing checks."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._failing = [name for name, check in CHECKS.items() if _fails(name, check)]
                self._until = time.monotonic() + (0 if self._failing else KEPT_SECONDS)
            return self._failing


shared = Readiness()


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Return 200 if every check passes, else 503 with the names of the failing ones."""
    if failing := shared.failing():
        return JsonResponse({"status": "failing", "failing": failing}, status=503)
    return JsonResponse({"status": "ok"})


def _fails(name: str, check: Callable[[], None]) -> bool:
    try:
        check()
    except Exception as error:  # whatever it is, the panel is not ready
        expected = isinstance(error, BackcourtError | NotReady | OSError | DatabaseError)
        log.warning("not ready, %s: %s", name, error, exc_info=None if expected else error)
        if isinstance(error, DatabaseError):
            connection.close()
        return True
    return False


@cache
def _migrations() -> set[tuple[str, str]]:
    return set(MigrationLoader(None).disk_migrations)
