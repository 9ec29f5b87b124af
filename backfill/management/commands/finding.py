"""`manage.py finding N`: one Finding with its evidence; --acknowledge, --expected, --fixed or
--reopen marks it.
"""

from __future__ import annotations

import getpass
from typing import Any

from django.core.management.base import CommandParser

from backfill.audit.marking import mark
from backfill.cli.base import OK, VerbCommand, whole_number
from backfill.documents.finding import as_json, line, whole
from backfill.errors import Refused
from backfill.models import Finding

MARKS = {
    "acknowledge": (Finding.State.ACKNOWLEDGED, "somebody looks at it; it stays listed"),
    "expected": (
        Finding.State.EXPECTED,
        "it is as it should be; silent until it is found on more dates",
    ),
    "fixed": (Finding.State.FIXED, "it is mended; opens again when a newer run still shows it"),
    "reopen": (Finding.State.OPEN, "take a mark back"),
}


class Command(VerbCommand):
    """Shows one Finding, or marks it."""

    help = "One finding with its evidence, the query behind it and its history; or mark it, with a reason."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which one, and what to make of it."""
        parser.add_argument(
            "number", type=whole_number, metavar="N", help="a number of `manage.py triage`"
        )
        marks = parser.add_mutually_exclusive_group()
        for name, (_, meaning) in MARKS.items():
            marks.add_argument(
                f"--{name}", dest="mark", action="store_const", const=name, help=meaning
            )
        parser.add_argument(
            "--reason", default="", metavar="TEXT", help="why; kept with the finding"
        )

    def run(self, **given: Any) -> int:
        """Show or mark."""
        finding = Finding.objects.filter(pk=given["number"]).first()
        if finding is None:
            raise Refused(
                f"there is no finding {given['number']}; `manage.py triage --all` lists them"
            )
        if given["mark"]:
            mark(finding, MARKS[given["mark"]][0], getpass.getuser(), given["reason"])
        elif given["reason"]:
            raise Refused(
                f"a reason for what? Add one of {', '.join(f'--{name}' for name in MARKS)}"
            )
        self.emit(as_json(finding), line(finding) if given["mark"] else whole(finding))
        return OK
