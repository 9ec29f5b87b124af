"""Base of the commands that change one job."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import CommandParser

from backfill.cli.base import VerbCommand, whole_number
from backfill.errors import Refused
from backfill.models import Job


def found(number: int) -> Job:
    """Return the job with this number. Raises Refused."""
    if job := Job.objects.filter(pk=min(max(number, 0), sys.maxsize)).first():
        return job
    raise Refused(f"job {number} does not exist; `manage.py jobs` lists the jobs")


class JobCommand(VerbCommand):
    """Base of the commands that change one job, with an optional reason."""

    records_actor = True

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the job and --reason."""
        parser.add_argument("job", type=whole_number, metavar="JOB", help="job number")
        parser.add_argument(
            "--reason", default="", metavar="TEXT", help="reason, stored with the change"
        )

    def job(self, given: dict[str, Any]) -> Job:
        """Return the job of the command line. Raises Refused."""
        return found(given["job"])
