"""`manage.py finding N`: show a finding with its evidence, or mark it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from backfill.cli.base import OK, VerbCommand, whole_number
from backfill.cli.finding_text import line, whole
from backfill.documents.finding import as_whole
from backfill.errors import Refused
from backfill.models import Finding

MARKS = {
    "acknowledge": (Finding.State.ACKNOWLEDGED, "mark as in progress; it stays listed"),
    "expected": (
        Finding.State.EXPECTED,
        "mark as expected; it is hidden until it affects more dates",
    ),
    "fixed": (Finding.State.FIXED, "mark as fixed; it reopens if a newer run still has it"),
    "reopen": (Finding.State.OPEN, "remove the mark"),
}


class Command(VerbCommand):
    """Show a finding or mark it."""

    records_actor = True
    help = "Show a finding with its evidence, query and history, or mark it with a reason."
    example = "finding 12 --expected --reason 'late tip-off'"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the number, the marks and --reason."""
        parser.add_argument(
            "number", type=whole_number, metavar="N", help="finding number, from `manage.py triage`"
        )
        marks = parser.add_mutually_exclusive_group()
        for name, (_, meaning) in MARKS.items():
            marks.add_argument(
                f"--{name}", dest="mark", action="store_const", const=name, help=meaning
            )
        parser.add_argument(
            "--reason", default="", metavar="TEXT", help="reason, stored with the finding"
        )

    def run(self, **given: Any) -> int:
        """Show or mark the finding."""
        from backfill.audit.marking import mark

        finding = Finding.objects.filter(pk=given["number"]).first()
        if finding is None:
            raise Refused(
                f"finding {given['number']} does not exist; `manage.py triage --all` lists the findings"
            )
        if given["mark"]:
            mark(finding, MARKS[given["mark"]][0], self.actor, given["reason"])
        elif given["reason"]:
            raise Refused(
                f"--reason needs a mark; add one of {', '.join(f'--{name}' for name in MARKS)}"
            )
        self.emit(as_whole(finding), line(finding) if given["mark"] else whole(finding))
        return OK
