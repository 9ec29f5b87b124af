"""`manage.py limit_batches N [--job JOB]`: change a concurrency limit."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from backfill.cli.base import OK, VerbCommand, whole_number
from backfill.cli.job_command import found
from backfill.jobs.lifecycle import change_limit


class Command(VerbCommand):
    """Change the concurrency limit."""

    records_actor = True
    help = (
        "Change the concurrency limit: the maximum number of batches in flight, for one job or for"
        " all jobs together. Batches above a lower limit finish."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the limit, --job and --reason."""
        parser.add_argument(
            "batches", type=whole_number, metavar="N", help="maximum number of batches in flight"
        )
        parser.add_argument(
            "--job",
            type=whole_number,
            metavar="JOB",
            help="job number; without it, the limit of all jobs together",
        )
        parser.add_argument(
            "--reason", default="", metavar="TEXT", help="reason, stored with the change"
        )

    def run(self, **given: Any) -> int:
        """Change the limit."""
        job = None if given["job"] is None else found(given["job"])
        change_limit(given["batches"], self.actor, given["reason"], job=job)
        scope = f"job {job.pk}" if job else "all jobs together"
        self.emit(
            {"job": job and job.pk, "batches": given["batches"]},
            f"concurrency limit of {scope}: {given['batches']}",
        )
        return OK
