"""`manage.py limit_batches N [--job JOB]`: limit the batches in flight, of one job or of all."""

from __future__ import annotations

import getpass
from typing import Any

from django.core.management.base import CommandParser

from backfill.cli.base import OK, VerbCommand, whole_number
from backfill.cli.job_command import found
from backfill.jobs.lifecycle import change_limit


class Command(VerbCommand):
    """Change the concurrency limit."""

    help = (
        "Let at most N batches be in flight, of one job or of all together; those above it finish."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """How many, of what."""
        parser.add_argument(
            "batches", type=whole_number, metavar="N", help="batches in flight at most"
        )
        parser.add_argument(
            "--job",
            type=whole_number,
            metavar="JOB",
            help="of this job; of all together where left out",
        )
        parser.add_argument(
            "--reason", default="", metavar="TEXT", help="why; stored with the change"
        )

    def run(self, **given: Any) -> int:
        """Change it."""
        job = None if given["job"] is None else found(given["job"])
        change_limit(given["batches"], getpass.getuser(), given["reason"], job=job)
        of = f"of job {job.pk}" if job else "of all jobs together"
        self.emit(
            {"job": job and job.pk, "batches": given["batches"]},
            f"{given['batches']} batches {of} may be in flight",
        )
        return OK
