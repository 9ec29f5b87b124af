"""`manage.py preflight_check START --end-date END`: check whether dates can be backfilled."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from backfill.cli.base import FAILED, OK, VerbCommand, iso_date
from backfill.cli.option_arguments import add_options
from backfill.cli.run_and_watch import listed
from backfill.errors import Refused
from backfill.plan.options import Options, chosen


class Command(VerbCommand):
    """Run the preflight of dates; start nothing."""

    help = (
        "Check Phase 3 and Phase 4 data for a backfill of these dates: list blockers and"
        " warnings, start nothing."
    )
    example = "preflight_check 2021-11-01 --end-date 2021-11-30"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the dates, --mode and --processors."""
        parser.add_argument(
            "start", nargs="?", type=iso_date, metavar="START", help="first date, YYYY-MM-DD"
        )
        parser.add_argument(
            "--end-date",
            type=iso_date,
            metavar="END",
            help="last date, included; START by default",
        )
        add_options(
            parser,
            ("dates", "mode", "processors"),
            mode="normal: use only data available before tip-off; backfill by default",
            processors="check only the tables of these processors, by code or name; all by default",
        )

    def run(self, **given: Any) -> int:
        """Print the report; exit 1 unless it is ready."""
        from backfill.cli.plan_text import check_text
        from backfill.documents.preflight import check_document
        from backfill.plan.preflight import check_range

        processors = chosen(listed(given["processors"], "--processors"))
        options = _options(given, processors=processors, mode=given["mode"])
        report = check_range(options)
        self.emit(check_document(options, report), check_text(options, report))
        return OK if report.ready else FAILED


def _options(given: dict[str, Any], **fields: Any) -> Options:
    if given["dates"] and (given["start"] or given["end_date"]):
        raise Refused("use --dates, or START and --end-date, not both")
    if given["dates"]:
        return Options.of_dates(given["dates"], **fields)
    if given["start"] is None:
        raise Refused("the following arguments are required: START (see --help)")
    return Options(start=given["start"], end=given["end_date"] or given["start"], **fields)
