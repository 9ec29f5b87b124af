"""`manage.py prune --keep-days N`: delete old rows of the database."""

from __future__ import annotations

import getpass
from datetime import timedelta
from typing import Any

from django.core.management import call_command
from django.core.management.base import CommandParser
from django.utils.timezone import now

from backfill.cli.base import OK, VerbCommand, whole_number
from backfill.errors import Refused
from backfill.jobs.prune import prune
from webapp.models import AccessEvent

MOST_DAYS = 36_500


class Command(VerbCommand):
    """Prune."""

    help = (
        "Delete superseded runs, events of runs, delivered notifications and messages, and launches"
        " without a job, of jobs that ended more than N days ago; also expired sessions, and access"
        " log entries older than a year. Safe while jobs run."
    )
    example = "prune --keep-days 400 --dry-run"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --keep-days and --dry-run."""
        parser.add_argument(
            "--keep-days", type=whole_number, required=True, metavar="N", help="days to keep"
        )
        parser.add_argument("--dry-run", action="store_true", help="count the rows; delete nothing")

    def run(self, **given: Any) -> int:
        """Prune and print the number of rows of each kind."""
        days, dry_run = given["keep_days"], given["dry_run"]
        if not 1 <= days <= MOST_DAYS:
            raise Refused(f"--keep-days is a number from 1 to {MOST_DAYS:,}, not {days}")
        counts = prune(now() - timedelta(days=days), _actor(), dry_run=dry_run)
        if not dry_run:
            AccessEvent.prune()
            call_command("clearsessions")
        rows = ", ".join(f"{n:,} {name}" for name, n in sorted(counts.items()))
        verb = "would delete" if dry_run else "deleted"
        self.emit({**counts, "dry_run": dry_run}, f"{verb} {rows}" if rows else "nothing to prune")
        return OK


def _actor() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user ID without a name, as in a container
        return "prune"
