"""`manage.py migrate_locked`: migrate the database, one process at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any

from django.core.management import call_command
from django.db import connection

from backfill.cli.base import OK, VerbCommand

# Advisory lock shared by every version: the first bytes of "backcourt".
LOCK = int.from_bytes(b"backcour", "big") >> 1


class Command(VerbCommand):
    """Migrate, one process at a time."""

    help = (
        "Migrate the database. Safe to run in several processes simultaneously: one migrates, the"
        " others wait."
    )

    def run(self, **given: Any) -> int:
        """Wait for the lock, then apply the missing migrations."""
        with _alone():
            output = StringIO()
            call_command("migrate", interactive=False, no_color=True, stdout=output)
        applied = [
            line.split()[1].removesuffix("...")
            for line in output.getvalue().splitlines()
            if line.endswith("OK")
        ]
        self.emit(
            {"applied": applied},
            "\n".join(f"applied {name}" for name in applied) or "no migrations to apply",
        )
        return OK


@contextmanager
def _alone() -> Iterator[None]:
    """Hold a lock of the database, in a transaction of another connection.

    PgBouncer pools by transaction: a lock of a session would stay with a pooled connection. SQLite
    has no locks: its processes share a machine, where the lock of bin/up excludes a second one.
    """
    if connection.vendor != "postgresql":
        yield
        return
    holder = connection.copy()
    try:
        holder.set_autocommit(False)
        with holder.cursor() as cursor:
            # A migration can take longer than the timeouts of a session.
            cursor.execute("SET LOCAL lock_timeout = 0")
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        yield
    finally:
        holder.close()
