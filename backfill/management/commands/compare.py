"""`manage.py compare A B`: what the second of two jobs healed, what remains, what is new."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from backfill.cli.base import FAILED, OK, VerbCommand, whole_number
from backfill.cli.job_command import found
from backfill.documents.retry import comparison_text
from backfill.status.comparison import compare


class Command(VerbCommand):
    """Compares two jobs."""

    help = "Compare two jobs run by run; exits 1 when something is new in the second that is not expected."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which two."""
        parser.add_argument("before", type=whole_number, metavar="A", help="a job's number")
        parser.add_argument(
            "after", type=whole_number, metavar="B", help="the number of the job to hold against it"
        )

    def run(self, **given: Any) -> int:
        """Compare them."""
        compared = compare(found(given["before"]), found(given["after"]))
        self.emit(compared.as_json(), comparison_text(compared))
        return FAILED if compared.is_worse else OK
