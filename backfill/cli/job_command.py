"""What the verbs about one job share."""

from __future__ import annotations

import getpass
import sys
from typing import Any

from django.core.management.base import CommandParser

from backfill.cli.base import VerbCommand, whole_number
from backfill.errors import Refused
from backfill.models import Job


def found(number: int) -> Job:
    """The job of this number. Raises Refused."""
    if job := Job.objects.filter(pk=min(max(number, 0), sys.maxsize)).first():
        return job
    raise Refused(f"there is no job {number}; `manage.py jobs` lists them")


class JobCommand(VerbCommand):
    """A verb that changes one job, by a person who may say why."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Which job, and why."""
        parser.add_argument("job", type=whole_number, metavar="JOB", help="a job's number")
        parser.add_argument(
            "--reason", default="", metavar="TEXT", help="why; stored with the change"
        )

    @property
    def actor(self) -> str:
        """Whom the events name."""
        return getpass.getuser()

    def job(self, given: dict[str, Any]) -> Job:
        """The job that the command line names. Raises Refused."""
        return found(given["job"])
