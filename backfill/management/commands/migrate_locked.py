"""`manage.py migrate_locked`: the database's tables as this version needs them, however many ask for it at
once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any

from django.core.management import call_command
from django.db import connection

from backfill.cli.base import OK, VerbCommand

# One number that every version agrees on: the first bytes of "backcourt".
LOCK = int.from_bytes(b"backcour", "big") >> 1


class Command(VerbCommand):
    """Migrates, one process at a time."""

    help = "Bring the database's tables up to date; of several that are asked at once, one does it and the others wait."

    def run(self, **given: Any) -> int:
        """Wait for the turn, then apply what is missing."""
        with _alone():
            said = StringIO()
            call_command("migrate", interactive=False, no_color=True, stdout=said)
        applied = [
            line.split()[1].removesuffix("...")
            for line in said.getvalue().splitlines()
            if line.endswith("OK")
        ]
        self.emit(
            {"applied": applied},
            "\n".join(f"applied {name}" for name in applied) or "the tables are up to date",
        )
        return OK


@contextmanager
def _alone() -> Iterator[None]:
    """Hold the database's lock, which ends with the connection. SQLite has none: its replicas are
    one machine's, and bin/up's
    own lock keeps a second one out.
    """
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SET lock_timeout = 0"
        )  # a migration may take longer than anybody waits for a row
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        cursor.execute("RESET lock_timeout")
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
