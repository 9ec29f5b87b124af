"""`manage.py prune --keep-days N`: delete old rows of the database."""

from __future__ import annotations

import getpass
from collections import Counter
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandParser
from django.utils.timezone import now

from backfill.cli.base import OK, VerbCommand, whole_number
from backfill.errors import Refused
from backfill.jobs.prune import prune, prune_logs
from backfill.warehouse import warehouse
from webapp.models import AccessEvent

MOST_DAYS = 36_500


class Command(VerbCommand):
    """Prune."""

    help = (
        "Delete logs of runs older than RUN_LOG_DAYS, and versions of partitions older than"
        " KEEP_VERSIONS_DAYS or beyond VERSIONS_MAX_GB. With --keep-days, also delete superseded"
        " runs, events of runs, delivered notifications and messages, and launches without a job,"
        " of jobs that ended more than N days ago; also expired sessions, and access log entries"
        " older than a year. Safe while jobs run."
    )
    example = "prune --keep-days 400 --dry-run"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --keep-days and --dry-run."""
        parser.add_argument("--keep-days", type=whole_number, metavar="N", help="days to keep")
        parser.add_argument(
            "--log-days",
            type=whole_number,
            metavar="N",
            help="days to keep logs of runs, 0 for all; default RUN_LOG_DAYS",
        )
        parser.add_argument("--dry-run", action="store_true", help="count the rows; delete nothing")

    def run(self, **given: Any) -> int:
        """Prune and print the number of rows of each kind."""
        days, dry_run, counts = given["keep_days"], given["dry_run"], Counter[str]()
        log_days = given["log_days"]
        log_days = settings.RUN_LOG_DAYS if log_days is None else log_days
        if days is None and not log_days and not settings.KEEP_VERSIONS_DAYS:
            raise Refused("nothing has an age limit; use --keep-days N or --log-days N")
        if days is not None and not 1 <= days <= MOST_DAYS:
            raise Refused(f"--keep-days is a number from 1 to {MOST_DAYS:,}, not {days}")
        if log_days > MOST_DAYS:
            raise Refused(f"--log-days is a number from 0 to {MOST_DAYS:,}, not {log_days}")
        if log_days:
            counts += prune_logs(now() - timedelta(days=log_days), dry_run=dry_run)
        if settings.KEEP_VERSIONS_DAYS:
            counts["versions"] += warehouse().prune_versions(
                now() - timedelta(days=settings.KEEP_VERSIONS_DAYS),
                settings.VERSIONS_MAX_GB * 10**9,
                dry_run=dry_run,
            )
        if days is not None:
            counts += prune(now() - timedelta(days=days), _actor(), dry_run=dry_run)
        if not dry_run:
            AccessEvent.prune()
            call_command("clearsessions")
        rows = ", ".join(f"{n:,} {name}" for name, n in sorted(counts.items()) if n)
        verb = "would delete" if dry_run else "deleted"
        self.emit({**counts, "dry_run": dry_run}, f"{verb} {rows}" if rows else "nothing to prune")
        return OK


def _actor() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user ID without a name, as in a container
        return "prune"
