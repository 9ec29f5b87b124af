"""`manage.py compare A B`: failures of two jobs: fixed, remaining and new."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from backfill.cli.base import FAILED, OK, VerbCommand, whole_number
from backfill.cli.job_command import found
from backfill.cli.job_text import comparison_text
from backfill.status.comparison import compare


class Command(VerbCommand):
    """Compare two jobs."""

    help = "Compare the failures of two jobs, run by run. Exits 1 if job B has new unexpected failures."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the two jobs."""
        parser.add_argument(
            "before", type=whole_number, metavar="A", help="number of the earlier job"
        )
        parser.add_argument("after", type=whole_number, metavar="B", help="number of the later job")

    def run(self, **given: Any) -> int:
        """Print the comparison."""
        compared = compare(found(given["before"]), found(given["after"]))
        self.emit(compared.as_json(), comparison_text(compared))
        return FAILED if compared.is_worse else OK
