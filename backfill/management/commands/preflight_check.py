"""`manage.py preflight_check 2021-11-01 --end-date 2021-11-30`: may these dates be backfilled?"""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from backfill.cli.base import FAILED, OK, VerbCommand, iso_date
from backfill.cli.date_arguments import add_list
from backfill.cli.run_and_watch import listed
from backfill.documents.preflight import check_document, check_text
from backfill.errors import Refused
from backfill.plan.options import MODES, Options, chosen
from backfill.plan.preflight_check import check_range


class Command(VerbCommand):
    """Runs the preflight of a range and starts nothing."""

    help = "Check what a backfill of these dates would find in Phase 3 and Phase 4: what blocks it, what warns; start nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        """A date, or a range of them, and what would be run."""
        parser.add_argument(
            "start", nargs="?", type=iso_date, metavar="START", help="first date, YYYY-MM-DD"
        )
        parser.add_argument(
            "--end-date",
            type=iso_date,
            metavar="END",
            help="last date, included; the first one by default",
        )
        add_list(parser)
        parser.add_argument(
            "--mode",
            default=MODES[0],
            metavar="|".join(MODES),
            help="normal: only what exists before tip-off",
        )
        parser.add_argument(
            "--processors", metavar="A,B", help="only what these read and write, by code or name"
        )

    def run(self, **given: Any) -> int:
        """Look, and say whether all is ready."""
        processors = chosen(listed(given["processors"], "--processors"))
        options = _asked(given, processors=processors, mode=given["mode"])
        report = check_range(options)
        self.emit(check_document(options, report), check_text(options, report))
        return OK if report.ready else FAILED


def _asked(given: dict[str, Any], **fields: Any) -> Options:
    if given["dates"] and (given["start"] or given["end_date"]):
        raise Refused("name dates or a range, not both: --dates, or START and --end-date")
    if given["dates"]:
        return Options.of_dates(given["dates"], **fields)
    if given["start"] is None:
        raise Refused("the following arguments are required: START (see --help)")
    return Options(given["start"], given["end_date"] or given["start"], **fields)
